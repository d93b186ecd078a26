"""Let the packages below tools/ be found."""

from pathlib import Path
import sys


sys.path.insert(0, str(Path(__file__).resolve().parents[3] / 'tools'))
