"""The notebooks run from top to bottom, and each is what its percent source says."""

from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "notebooks").glob("*.py"))
NAMES = [source.stem for source in SOURCES]


def test_there_are_notebooks() -> None:
    """The glob finds what the other tests go over."""
    assert "01_first_line" in NAMES


@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
def test_notebook_and_source_are_in_step(source: Path) -> None:
    """Each cell of the notebook is the one of the source: `jupytext --to ipynb` was run."""
    written = jupytext.read(source)
    built = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    assert [(cell.cell_type, cell.source) for cell in built.cells] == [
        (cell.cell_type, cell.source) for cell in written.cells
    ]


@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
def test_notebook_is_kept_without_output(source: Path) -> None:
    """What a run shows is not kept: it would be old with the next change."""
    built = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    assert not any(cell.get("outputs") for cell in built.cells)


# Starting the kernel warns about the event loop's policy on some systems; that is not ours to mend.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::RuntimeWarning:zmq")
@pytest.mark.timeout(240)
@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
def test_notebook_runs(source: Path, tmp_path: Path) -> None:
    """Every cell runs with public names, and the charts are charts."""
    notebook = jupytext.read(source)
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}
    )
    client.execute()
    shown = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type in {"display_data", "execute_result"}
    ]
    charts = [item for item in shown if "image/svg+xml" in item.data]
    assert len(charts) >= 5
