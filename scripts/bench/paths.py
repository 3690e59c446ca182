"""Where things are, from the root of the tree; `./bench` starts everything there."""

from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build/bench"
DOCS = ROOT / "docs/bench"
README = ROOT / "README.md"
MEASUREMENTS = ROOT / "docs/measurements.md"
JAR = ROOT / "build/libs/native-python-worker.jar"
