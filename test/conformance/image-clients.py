"""To start the stock clients costs more than all that they do: one process runs a command a line, and tells what each printed."""
import contextlib
import io
import json
import os
import sys

from glanceclient.shell import OpenStackImagesShell
from openstackclient.shell import OpenStackShell

answers, questions = sys.stdout, sys.stdin


class Terminal(io.StringIO):
    """Or the client takes what is there for an image."""

    def isatty(self):
        return True


sys.stdin = Terminal()


def run(program, words):
    if program == 'openstack':
        return OpenStackShell().run(words)
    OpenStackImagesShell().main(words)
    return 0


for line in questions:
    asked = json.loads(line)
    os.environ.update(asked['env'])
    out = io.TextIOWrapper(io.BytesIO(), write_through=True)
    code, error = 0, ''
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = run(asked['program'], asked['words'])
    except SystemExit as ended:
        code, error = ended.code or 0, str(ended.code)
    except Exception as wrong:
        code, error = 1, str(wrong)
    answers.write(json.dumps({'code': 0 if code in (0, None) else 1, 'text': out.buffer.getvalue().decode() + error}) + '\n')
    answers.flush()
