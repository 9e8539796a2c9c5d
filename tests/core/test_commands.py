"""A command gives exactly what was edited, its inverse exactly what was there, also through bytes."""

from __future__ import annotations

import base64
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from chromview.core.chromosome import Box, Chromosome, DecidedBy, Kind, Slot, State
from chromview.core.commands import (
    Command,
    Created,
    Removed,
    SlideChanged,
    apply,
    chromosome_from_bytes,
    chromosome_to_bytes,
    difference,
    from_bytes,
    joined,
    normal,
    same,
    to_bytes,
)

floats = st.floats(0, 1)


@st.composite
def chromosomes(draw: st.DrawFn, id: int = 1) -> Chromosome:
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    mask = draw(arrays(bool, (height, width)))
    mask[draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))] = True
    top, left = draw(st.integers(0, 30)), draw(st.integers(0, 30))
    points = draw(st.none() | arrays(np.float32, (draw(st.integers(1, 5)), 2), elements=st.floats(0, 99, width=32)))
    return normal(
        Chromosome(
            id=id,
            box=Box(top, left, top + height, left + width),
            mask=mask,
            kind=draw(st.sampled_from(Kind)),
            state=draw(st.sampled_from(State)),
            confidence=draw(floats),
            doubts=tuple(draw(st.lists(st.text(max_size=5), max_size=2))),
            axis=points,
            centromere=draw(st.none() | floats),
            probabilities=draw(st.none() | st.just(tuple(float(p) for p in np.linspace(0, 1, 24)))),
            number=draw(st.integers(0, 24)),
            class_confidence=draw(floats),
            decided_by=draw(st.sampled_from(DecidedBy)),
            p_up=draw(st.booleans()),
            slot=draw(st.none() | st.builds(Slot, st.integers(1, 24), st.integers(0, 3))),
            angle=draw(st.floats(-180, 180)),
            axis_placed=draw(st.booleans()),
            centromere_placed=draw(st.booleans()),
        )
    )


def equal(first: dict[int, Chromosome], second: dict[int, Chromosome]) -> bool:
    return list(first) == list(second) and all(same(first[id], second[id]) for id in first)


@settings(max_examples=40, deadline=None)
@given(chromosomes())
def test_a_chromosome_survives_its_bytes(chromosome: Chromosome) -> None:
    assert same(chromosome_from_bytes(chromosome_to_bytes(chromosome)), chromosome)


@settings(max_examples=40, deadline=None)
@given(chromosomes(), chromosomes(), chromosomes(2), chromosomes(3))
def test_undo_after_do_is_identity_also_through_bytes(
    old: Chromosome, new: Chromosome, gone: Chromosome, made: Chromosome
) -> None:
    before = {1: old, 2: gone}
    command = Command("Edit", (Removed(gone), *difference(old, new), Created(made)))
    after = apply(before, command)
    assert equal(after, {1: new, 3: made})
    assert equal(before, {1: old, 2: gone})
    stored = from_bytes(to_bytes(command))
    assert equal(apply(before, stored), after)
    assert equal(apply(after, stored.inverted()), before)
    assert equal(apply(after, from_bytes(to_bytes(command.inverted()))), before)


@settings(max_examples=40, deadline=None)
@given(chromosomes(), chromosomes())
def test_a_difference_holds_no_more_than_what_changed(old: Chromosome, new: Chromosome) -> None:
    command = Command("Edit", tuple(difference(old, new)))
    assert not difference(old, old)
    if command.box is not None and command.masks:
        whole = old.box.union(new.box)
        assert command.box.union(whole) == whole
    for change in command.changes:
        if hasattr(change, "before") and isinstance(change.before, np.ndarray):
            changed = change.before ^ change.after
            assert changed[0].any() and changed[-1].any() and changed[:, 0].any() and changed[:, -1].any()


@settings(max_examples=40, deadline=None)
@given(chromosomes(), chromosomes(), chromosomes())
def test_commands_joined_are_undone_at_once(first: Chromosome, second: Chromosome, third: Chromosome) -> None:
    commands = [Command("A", tuple(difference(first, second))), Command("B", tuple(difference(second, third)))]
    whole = joined(commands)
    assert whole.title == "A"
    assert equal(apply({1: first}, whole), {1: third})
    assert equal(apply({1: third}, whole.inverted()), {1: first})


@settings(max_examples=40, deadline=None)
@given(chromosomes(), st.data())
def test_damaged_bytes_are_told_and_never_become_a_mask(chromosome: Chromosome, data: st.DataObject) -> None:
    whole = to_bytes(Command("Edit", (Created(chromosome),)))
    place = data.draw(st.integers(0, len(whole) - 1))
    damaged = bytearray(whole)
    damaged[place] ^= data.draw(st.integers(1, 255))
    for bad in (bytes(damaged), whole[:place]):
        try:
            command = from_bytes(bad)
        except ValueError:
            continue
        # A bit that zlib ignores may flip; what is read is then still the same.
        (created,) = command.changes
        assert isinstance(created, Created)
        assert same(created.chromosome, chromosome)


def test_a_command_for_other_chromosomes_is_refused() -> None:
    one = Chromosome(1, Box(0, 0, 2, 2), np.ones((2, 2), bool))
    other = Chromosome(1, Box(0, 0, 2, 2), np.eye(2, dtype=bool))
    grown = one.with_mask(Box(0, 0, 2, 3), np.ones((2, 3), bool))
    paint = Command("Brush", tuple(difference(one, grown)))
    with pytest.raises(ValueError, match="mask"):
        apply({1: grown}, paint)
    with pytest.raises(ValueError, match="no chromosome 1"):
        apply({}, paint)
    with pytest.raises(ValueError, match="there already"):
        apply({1: one}, Command("New", (Created(other),)))
    with pytest.raises(ValueError, match="not the one"):
        apply({1: one}, Command("Removal", (Removed(other),)))
    named = Command("Class", tuple(difference(one, replace(one, number=7))))
    with pytest.raises(ValueError, match="fields"):
        apply({1: replace(one, number=8)}, named)


def test_a_command_says_what_it_touches() -> None:
    one = Chromosome(1, Box(5, 5, 9, 9), np.ones((4, 4), bool))
    bits = np.ones((4, 4), bool)
    bits[3, 3] = False
    painted = Command("Brush", tuple(difference(one, replace(one, mask=bits, _area=-1))))
    assert (painted.box, painted.ids, painted.masks, painted.fields) == (Box(8, 8, 9, 9), {1}, True, False)
    named = Command("Class", tuple(difference(one, replace(one, number=7))))
    assert (named.box, named.ids, named.masks, named.fields) == (None, {1}, False, True)
    told = Command("Analysis", (SlideChanged({"stain": None}, {"stain": "dapi"}),))
    assert (told.box, told.ids, told.masks, told.fields) == (None, frozenset(), False, True)


def test_numpy_numbers_and_loose_boxes_become_what_can_be_kept() -> None:
    mask = np.zeros((6, 6), bool)
    mask[2:4, 1:5] = True
    loose = Chromosome(
        1, Box(10, 10, 16, 16), mask, confidence=np.float32(0.5), axis=np.array([[1.0, 2.0], [3.0, 4.0]])
    )
    close = normal(loose)
    assert close.box == Box(12, 11, 14, 15) and close.area == 8
    assert close.axis is not None and close.axis.dtype == np.float32
    assert same(chromosome_from_bytes(chromosome_to_bytes(close)), close)


OLD_CHROMOSOME = (
    "0eAsjkU?(4AP`0AExMjHvcPE@m0fl{LZzs(z>FPa3>IM3QREx-Ts=p}Q5RMgXhy^Te;#~3F?NIYlHwS191+wFoCS5@VB!MmECsIxmv6j&`Qk9@Jb)4$I)~"
    "ooO+C0k`h5h4Ty&u*m{Oc#MhhI;7&>P$v^19$CD=HdLJ4Pz)r+G}k_tm16ilQNRsFi3H2Vlq(H+GbZJc+-A^F4XJ%=!l1{0_wdA-j0!S+s@u_Y4Qm@6R$E"
    "Z;E=L^w6`1gfMNsgGVKSFR6c!p=Sxf<AJ&afjaDNyWNy@EH1X*`9RRerxT1d&ZtmjQ!C0_^->o{sESLc9{"
)
OLD_COMMAND = (
    "0eAsrkwI?5AP_~}o}$ZW*2uz1+o<fisd|T~im(~mC>SijN+OFJ^;|tihct=Oc7Z^{pEsY+-F;Ea5Op*N0^W=s7p`42y?28PZotJF7&N`K9R?7a8TP%5q-"
    ";FOi0X8C(Sn#kD-bINwL6fy;%v!T^~{!!9}ET=b|5%|R-;iwn_;Id>4|?uFbI*rR2;n<UHBQ{Y^xR8hU!&G1m&hWW<P|L2TiAnT%wJ{K~E}PE}w2I+vWz"
    "rOS&U`Eo*Ib)cIw0GKPVjh8jJHHT4=9!k@Mmnv4xOQQP`R7A?lT^E(P*+)g8i=qIGJGt%pL{L@UfgK?DIX3eVX+jco~Uh<R@y9Rp>hh3Az*5wz?zh?XkD"
    "G{)Z+51J<N)yP<MTtu1|4NBQ8?;^QbAGG*HL3mTisIq5C_ZVupZCLQ{{~&`uCo"
)


def test_what_the_first_version_wrote_is_still_read() -> None:
    """Bytes made by it, before a person could place an axis."""
    old = chromosome_from_bytes(base64.b85decode(OLD_CHROMOSOME))
    assert (old.id, old.number, old.slot, old.centromere) == (3, 7, Slot(7, 1), 0.25)
    assert old.axis is not None and old.axis.shape == (3, 2)
    assert not old.axis_placed and not old.centromere_placed
    command = from_bytes(base64.b85decode(OLD_COMMAND))
    after = apply({}, command)
    assert same(after[3], replace(old, p_up=False, state=State.EDITED))
    assert apply(after, command.inverted()) == {}
