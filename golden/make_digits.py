"""Makes golden/digits: handwritten digits that scikit-learn ships, as PNG, and their classes as CSV.

    python golden/make_digits.py [--output DIR]

Needs scikit-learn and Pillow.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))

from digits_split import GOLDEN_DIGITS

BLOCK_PX = 4


def make(output: Path) -> None:
    """Write images/digit_NNNN.png (NNNN: the number in scikit-learn's data set) and classes.csv into `output`."""
    digits = load_digits()
    images_folder = output / "images"
    images_folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(len(digits.images))[GOLDEN_DIGITS]:
        name = f"digit_{number:04d}"
        gray = np.rint(digits.images[number] * (255 / 16)).astype(np.uint8)
        blocks = np.kron(gray, np.ones((BLOCK_PX, BLOCK_PX), dtype=np.uint8))
        Image.fromarray(blocks).save(images_folder / f"{name}.png", optimize=True)
        rows.append((name, int(digits.target[number])))
    with (output / "classes.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("sample", "label"))
        writer.writerows(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "digits", help="default: golden/digits")
    make(parser.parse_args().output)
