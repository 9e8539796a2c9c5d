"""Karyotype formulas as an order: which chromosomes the cell shall have."""

from __future__ import annotations

import re

from chromview.core.chromosome import CLASS_NAMES
from chromview.errors import UserError

_EXAMPLE = 'Write it like "46,XX", "47,XY,+21", "45,X" or "45,XY,-7".'


def chromosome_numbers(karyotype: str) -> tuple[int, ...]:
    """Classes of the chromosomes that a karyotype formula names.

    Parameters
    ----------
    karyotype
        Count, sex chromosomes, gains and losses of whole chromosomes after ISCN:
        "46,XX", "47,XY,+21", "45,X", "47,XXY", "45,XY,-7", "69,XXX".

    Returns
    -------
    Class numbers 1..24 in ascending order (23 = X, 24 = Y), one entry a chromosome.

    Raises
    ------
    UserError
        If the formula cannot be read, or its count does not fit what it names.
    """
    parts = [part.strip() for part in karyotype.split(",")]
    if len(parts) < 2 or not parts[0].isdecimal() or not re.fullmatch(r"[XY]+", parts[1]):
        raise UserError(f'"{karyotype}" is not a karyotype', advice=_EXAMPLE)
    count = int(parts[0])
    # Near-triploid begins at 58 chromosomes in ISCN; gains and losses count from 3n there.
    sets = 2 if count <= 57 else 3 if count <= 80 else 4
    numbers = [number for number in range(1, 23) for _ in range(sets)]
    numbers += [CLASS_NAMES.index(letter) + 1 for letter in parts[1]]
    for change in parts[2:]:
        match = re.fullmatch(r"([+-])(\d{1,2}|X|Y)", change)
        if match is None or match[2] not in CLASS_NAMES:
            raise UserError(f'"{change}" in "{karyotype}" is no gain or loss of a whole chromosome', advice=_EXAMPLE)
        number = CLASS_NAMES.index(match[2]) + 1
        if match[1] == "+":
            numbers.append(number)
        elif number in numbers:
            numbers.remove(number)
        else:
            raise UserError(f'"{karyotype}" loses more of {match[2]} than there is', advice=_EXAMPLE)
    if len(numbers) != count:
        raise UserError(f'"{karyotype}" says {count} chromosomes, but names {len(numbers)}', advice=_EXAMPLE)
    return tuple(sorted(numbers))
