"""What a reader sees of a command at work: a line a step, and the end of a log where it fails."""

import os
import subprocess
import sys

import pytest

from graphon_lib.book.progress import run_logged, step, warnings_to


def test_a_step_is_one_line_with_its_duration(capsys):
    with step("Doing it"):
        assert capsys.readouterr().out == "Doing it ... "
    assert capsys.readouterr().out == "0 s\n"


def test_a_failed_step_says_so_and_passes_the_error_on(capsys):
    with pytest.raises(ValueError, match="reason"), step("Doing it"):
        raise ValueError("reason")
    assert capsys.readouterr().out == "Doing it ... failed\n"


def test_output_of_a_command_goes_to_its_log_alone(tmp_path, capfd):
    log = tmp_path / "new" / "command.log"
    run_logged([sys.executable, "-c", "import os; print(os.getcwd())"], log, cwd=tmp_path)
    assert log.read_text() == f"{tmp_path}\n"
    assert capfd.readouterr() == ("", "")


def test_a_failing_command_shows_the_end_of_its_log_and_where_it_is(tmp_path):
    log = tmp_path / "command.log"
    code = "import sys; print(*range(100), sep='\\n'); sys.exit('no such thing')"
    with pytest.raises(RuntimeError) as caught:
        run_logged([sys.executable, "-c", code], log, cwd=tmp_path)
    message = str(caught.value)
    assert "no such thing" in message
    assert "\n99\n" in message
    assert "\n50\n" not in message
    assert str(log) in message


def test_warnings_of_this_process_and_of_others_go_to_the_log(tmp_path, capfd):
    log = tmp_path / "warnings.log"
    with warnings_to(log):
        os.write(2, b"from a library\n")
        subprocess.run([sys.executable, "-c", "import sys; sys.exit('from a child')"], check=False)
        print("to the reader", flush=True)
    os.write(2, b"afterwards\n")
    assert capfd.readouterr() == ("to the reader\n", "afterwards\n")
    assert log.read_text() == "from a library\nfrom a child\n"
