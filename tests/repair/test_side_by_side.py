"""Trainings side by side: what they make, in which order it is kept, and that all stop when one does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
import torch
from torch import nn

from failsight.tools.cores import cores
from failsight.tools.repair import side_by_side
from failsight.tools.repair.side_by_side import Halted, at_once
from failsight.tools.repair.steps import Dice

Advance = Callable[[int], None]


def test_what_was_made_is_kept_in_order_though_it_is_done_in_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "cores", lambda: 2)
    kept: list[int] = []
    told: list[int] = []
    caller = threading.get_ident()
    second_done = threading.Event()

    def job(number: int) -> Callable[[Advance], int]:
        def run(advance: Advance) -> int:
            for _ in range(3):
                advance(1)
            if number == 0:
                assert second_done.wait(10)
            if number == 1:
                second_done.set()
            return number

        return run

    def keep(made: int) -> None:
        assert threading.get_ident() == caller
        kept.append(made)

    def advance(steps: int) -> None:
        assert threading.get_ident() == caller
        told.append(steps)

    before = torch.get_num_threads()
    at_once([job(i) for i in range(5)], advance, keep)
    assert kept == [0, 1, 2, 3, 4] and sum(told) == 15
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("who", ["a job", "the display", "what keeps"])
def test_all_stop_where_one_fails(monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    monkeypatch.setattr(side_by_side, "cores", lambda: 2)
    begun, halted = threading.Event(), threading.Event()

    def endless(advance: Advance) -> int:
        try:
            while True:
                begun.set()
                advance(1)
                time.sleep(0.001)
        except Halted:
            halted.set()
            raise

    def other(advance: Advance) -> int:
        assert begun.wait(30)
        if who == "a job":
            raise ValueError("the loss is no number")
        return 1

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    def nothing(*_: object) -> None:
        pass

    expected = ValueError if who == "a job" else KeyboardInterrupt
    with pytest.raises(expected):
        at_once(
            [other, endless],
            fail if who == "the display" else nothing,
            fail if who == "what keeps" else nothing,
        )
    assert halted.is_set()


def test_a_training_draws_the_same_whoever_draws_meanwhile() -> None:
    """A network with dropout, alone and beside three others: the same random numbers, and those of others are left alone."""
    net = nn.Dropout(0.5).train()

    def draws(seed: int) -> torch.Tensor:
        dice, made = Dice(), []
        dice.throw(seed)
        for _ in range(50):
            with dice.mine():
                made.append(net(torch.ones(64)))
        return torch.stack(made)

    alone = [draws(seed) for seed in range(4)]
    assert not torch.equal(alone[0], alone[1])
    torch.manual_seed(0)
    outside = torch.rand(3)
    torch.manual_seed(0)
    found: list[torch.Tensor | None] = [None] * 4

    def run(seed: int) -> None:
        found[seed] = draws(seed)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(f is not None and torch.equal(f, a) for f, a in zip(found, alone, strict=True))
    assert torch.equal(torch.rand(3), outside)
    torch.manual_seed(7)
    plain = torch.stack([net(torch.ones(64)) for _ in range(50)])
    assert torch.equal(plain, draws(7))  # the stream of the seed, as torch itself draws it


def test_there_is_a_core() -> None:
    assert cores() >= 1
