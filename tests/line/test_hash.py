"""The hash of a line is that of its content, for good."""

from twin.line import Exponential, serial_line


def test_a_line_keeps_its_hash_when_lines_learn_new_words() -> None:
    """Logs name their line by its hash, so fields that came later and are not used do not count."""
    line = serial_line([Exponential(mean_s=1.0)] * 2, [3])
    assert line.hash == "9898019f5c0db9c5c4c94d0b46fe2809d55200043a486eb816891bc91c21d105"
