"""What a confidence means."""

from __future__ import annotations

import numpy as np
import pytest

from chromview.core.calibration import Bin, Calibration, binned, from_json, to_json


def test_the_curve_is_the_share_right_of_like_confidences() -> None:
    rng = np.random.default_rng(1)
    sure = rng.uniform(0.5, 1.0, 4000)
    right = rng.random(4000) < sure
    bins = binned(list(sure), [bool(r) for r in right])
    assert [one.low for one in bins] == [0.5, 0.7, 0.8, 0.9, 0.95]
    assert sum(one.count for one in bins) == 4000
    for one in bins:
        assert one.low <= one.confidence < one.high
        assert one.right == pytest.approx(one.confidence, abs=0.06)
    found = Calibration("simulated", {"a": "1"}, bins)
    assert found.share_right(0.85) == pytest.approx(0.85, abs=0.06)
    assert found.share_right(1.0) == bins[-1].right
    share, count = found.from_on(0.9)
    assert count == bins[-1].count + bins[-2].count and share == pytest.approx(0.95, abs=0.03)


def test_what_few_chromosomes_told_is_unknown() -> None:
    few = Calibration("few", {}, (Bin(0.9, 0.95, 0.92, 1.0, 3),))
    assert few.share_right(0.92) is None
    assert few.share_right(0.1) is None
    assert np.isnan(few.from_on(0.95)[0])


def test_it_holds_for_its_weights_only_and_survives_a_file() -> None:
    one = Calibration("cells of gband val", {"segmenter": "aa"}, binned([0.97] * 30, [True] * 29 + [False]))
    assert from_json(to_json({"cells": one})) == {"cells": one}
    assert one.fits({"segmenter": "aa", "classifier": "cc"})
    assert not one.fits({"segmenter": "bb"}) and not one.fits({})
    for text in ("[]", "{}{", '{"cells": {}}', '{"cells": 3}'):
        with pytest.raises(ValueError):
            from_json(text)
