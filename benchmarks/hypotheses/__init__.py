"""Experiments judged by what is true: are planted cues confirmed, and decoys refuted, by masking and by adding?"""
