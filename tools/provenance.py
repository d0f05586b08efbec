"""Names of columns that say where, with what, by whom and when pictures were taken or labelled, in English, German, French and Spanish.

Nobody says of a column what it is about, so its name has to tell: one of these words in it, alone or beside others
(``cameraID``, ``Beobachter/in``, ``date d'observation``).
"""

from __future__ import annotations

import re


def _each(*lists: str) -> frozenset[str]:
    return frozenset(word for one in lists for word in one.split())


WHERE = _each(  # and with what
    "site camera device scanner sensor lens phone smartphone station location hospital clinic lab laboratory source origin provider vendor batch session",
    "collection fonds archive museum gallery library herbarium project agency agent broker dealer seller supplier manufacturer department ward institution institute organisation organization company",
    "country region district county province city town village street address zip zipcode postcode latitude longitude gps drone satellite",
    "standort kamera gerät geraet klinik krankenhaus labor quelle hersteller makler agentur projekt sitzung stadt",
    "appareil caméra capteur lieu hôpital hopital clinique laboratoire origine fournisseur région pays ville projet",
    "cámara camara dispositivo lugar clínica clinica laboratorio fuente origen lote sesión sesion proveedor región país pais ciudad proyecto",
)
SUBJECTS = _each(  # of whom and whose: they label nothing
    "owner donor lender user uploader customer client patient subject participant household house patientin haushalt paciente"
)
PEOPLE = _each(
    "photographer operator technician radiologist radiographer doctor physician nurse author creator publisher",
    "labeller labeler annotator annotater rater reader reviewer worker observer recorder surveyor by",
    "inspector checker examiner assessor grader scorer sorter tester controller verifier auditor coder tagger transcriber transcriptionist",
    "identifier determiner curator cataloguer cataloger registrar archivist librarian clerk analyst expert specialist pathologist dermatologist",
    "ophthalmologist cytologist botanist entomologist ornithologist taxonomist ecologist ranger volunteer employee staff crew intern trainee supervisor",
    "fotograf fotografin beobachter beobachterin annotatorin bearbeiter bearbeiterin gutachter gutachterin prüfer prüferin erfasser erfasserin",
    "bestimmer bestimmerin kartierer melder autor autorin arzt ärztin inspektor inspektorin kontrolleur kontrolleurin mitarbeiter mitarbeiterin",
    "sachbearbeiter sachbearbeiterin sortierer sortiererin",
    "photographe observateur observatrice annotateur annotatrice relecteur relectrice évaluateur évaluatrice auteur opérateur opératrice médecin",
    "inspecteur inspectrice contrôleur contrôleuse vérificateur vérificatrice trieur trieuse employé employée",
    "fotógrafo fotógrafa observador observadora anotador anotadora revisor revisora evaluador evaluadora autora operador operadora médico médica",
    "inspectora verificador verificadora controlador controladora clasificador clasificadora empleado empleada",
)
WHEN = _each(
    "season year month week weekday date timestamp quarter decade visit shift release version",
    "datum jahr monat woche jahreszeit année annee mois semaine saison fecha año mes semana temporada",
)
SETS = _each(
    "dataset cohort study survey campaign fold folder split import upload archive datensatz studie kampagne étude campagne estudio campaña"
)
CLOCK = _each("uhrzeit heure hora")  # the hour may be seen in a picture; for labels it is as good as a date
OF_LABELS = _each(
    "annotation label labelling labeling rating batch round import upload guideline protocol crowd turker"
)
TAKEN = WHERE | SUBJECTS | PEOPLE | WHEN | SETS
LABELLED = PEOPLE | WHEN - {"decade"} | SETS | CLOCK  # what is labelled now may be of any decade


def words(name: str) -> set[str]:
    """The words of a column's name, in lower case and also without the s of a plural: ``cameraIDs`` has ``camera``."""
    apart = re.sub(r"(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])", " ", name)
    found = re.findall(r"[^\W\d_]+", apart.casefold())
    return {*found, *(w[:-1] for w in found if w.endswith("s"))}


def labels_alone(name: str) -> bool:
    """Whether a column, by its name, speaks of who labelled or of how, and not of when or where: that is as much about the pictures."""
    mine = words(name)
    return bool(mine & (PEOPLE | OF_LABELS)) or any(w.startswith(("annot", "label")) for w in mine)
