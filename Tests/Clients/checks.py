"""What the clients' scripts count: checks that hold, and those that do not."""
import sys

passed, failed = 0, 0


def check(what, holds):
    global passed, failed
    passed, failed = passed + bool(holds), failed + (not holds)
    if not holds:
        print("failed:", what)


def finish():
    """Prints the counts and ends the script: with 1 where a check has failed."""
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)
