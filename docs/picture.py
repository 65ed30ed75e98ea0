#!/usr/bin/env python3
"""Takes the picture of the running client that the README shows: docs/client.svg.

    cargo build -p parlance -p client && docs/picture.py

Starts all services on free ports, lets some people talk, runs the real client in tmux, presses keys,
and draws what is then on the screen. Needs tmux and nothing beside Python itself.
"""

import html
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parent.parent
WIDE, HIGH = 92, 22
PATIENCE = 60  # seconds that anything may take
CELL, ROW, SIZE = 8.4, 18, 14  # pixels

TALK = [  # before the reader comes: (room, who, what)
    ("lobby", "bob", "morning! the new ranges work: https://example.org/notes/2026/ranges"),
    ("lobby", "Carol", "お早う bob 👋 I put the charts into charts/"),
    ("lobby", "dave", "/me brings coffee"),
    ("dev", "erin", "the build is green again"),
]
LATER = [  # while the reader looks into the other room
    ("lobby", "bob", "alice: did you see what came out of the run at night?"),
    ("lobby", "dave", "it went on where it was, after somebody had pulled the plug"),
    ("dev", "erin", "tagging in ten minutes, alice?"),
    ("dev", "frank", "fine with me"),
]


def main():
    binaries = ROOT / "target" / os.environ.get("PROFILE", "debug")
    for name in ("parlance", "client"):
        if not (binaries / name).exists():
            sys.exit(f"there is no {binaries / name}; first: cargo build -p parlance -p client")
    with tempfile.TemporaryDirectory() as folder, Stack(binaries, folder) as stack:
        for name in ("bob", "Carol", "dave", "erin", "frank"):
            stack.person(name)
        for line in TALK:
            stack.say(*line)
        with Screen(stack) as screen:
            screen.until("4 here")
            screen.type("/join dev", "Enter")
            screen.until("the build is green")
            screen.type("good morning, all", "Enter")
            screen.until("<alice> good morning")
            for line in (line for line in LATER if line[0] == "lobby"):
                stack.say(*line)
            screen.until("#lobby 2 1!")
            screen.type("", "C-p")
            screen.until("── new")
            for line in (line for line in LATER if line[0] == "dev"):
                stack.say(*line)
            screen.until("#dev 2 1!")
            screen.type("yes, not a byte was lost", "Enter")
            screen.until("<alice> yes")
            screen.type("Carol: I look at them after lu")
            screen.until("after lu")
            picture = render(screen.captured(), screen.cursor())
    (ROOT / "docs" / "client.svg").write_text(picture)
    print("docs/client.svg")


class Stack:
    """All services in one process, on free ports."""

    def __init__(self, binaries, folder):
        self.client, self.folder, self.people = binaries / "client", folder, {}
        command = [binaries / "parlance", "--ports", "free", "--data", f"{folder}/data"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.env = {"PATH": os.environ["PATH"], "HOME": folder, "TZ": "UTC", "LANG": "C.UTF-8"}
        for line in self.process.stdout:
            found = re.match(r"listening service=(info|file) addr=(\S+)", line)
            if found and found[1] == "info":
                self.env["PARLANCE_INFO"] = found[2]  # it knows where the others are
            if found and found[1] == "file":
                break
        self.wait_until_known()

    def wait_until_known(self):
        """Info has to hear of the others first."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            asked = subprocess.run([self.client, "services"], env=self.env, capture_output=True, text=True)
            if re.search(r"^chat .* up ", asked.stdout, re.MULTILINE):
                return
            time.sleep(0.1)
        sys.exit("info never knew where chat is")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in [*self.people.values(), self.process]:
            process.terminate()
        for process in [*self.people.values(), self.process]:
            process.wait()

    def person(self, name):
        """Somebody who is in the rooms and says what is typed for them."""
        command = [self.client, "--user", name, "chat", "--plain", "dev" if name in ("erin", "frank") else "lobby"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.people[name] = subprocess.Popen(command, stdin=subprocess.PIPE, env=self.env, text=True, **quiet)
        return self.people[name]

    def say(self, _room, name, what):
        self.people[name].stdin.write(what + "\n")
        self.people[name].stdin.flush()
        time.sleep(0.3)  # so that the picture has them in this order


class Screen:
    """The client in a terminal of its own."""

    def __init__(self, stack):
        self.socket = f"parlance-picture-{os.getpid()}"
        self.env = {**stack.env, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        size = ["-x", str(WIDE), "-y", str(HIGH)]
        self.tmux("new-session", "-d", *size, str(stack.client), "--user", "alice", "chat")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")

    def tmux(self, *words):
        command = ["tmux", "-u", "-L", self.socket, "-f", "/dev/null", *words]
        return subprocess.run(command, env=self.env, check=True, capture_output=True, text=True).stdout

    def type(self, text, *keys):
        if text:
            self.tmux("send-keys", "-l", text)
        for key in keys:
            self.tmux("send-keys", key)

    def captured(self):
        return self.tmux("capture-pane", "-p", "-e", "-N")

    def cursor(self):
        return map(int, self.tmux("display-message", "-p", "#{cursor_x} #{cursor_y}").split())

    def until(self, text):
        deadline = time.monotonic() + PATIENCE
        while text not in self.tmux("capture-pane", "-p"):
            if time.monotonic() > deadline:
                sys.exit(f"the screen never showed {text!r}:\n{self.tmux('capture-pane', '-p')}")
            time.sleep(0.05)


# What follows draws: escape sequences in, SVG out.

INK, PAPER = "#d8dee9", "#1b1f27"
SIXTEEN = ["#3b4252", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d8dee9",
           "#6b7385", "#ff8790", "#b5e890", "#ffd68a", "#82c4ff", "#dc9bef", "#7fd6e0", "#ffffff"]


def of_256(number):
    if number < 16:
        return SIXTEEN[number]
    if number >= 232:
        return "#" + f"{8 + 10 * (number - 232):02x}" * 3
    levels = [0, 95, 135, 175, 215, 255]
    number -= 16
    return "#%02x%02x%02x" % (levels[number // 36], levels[number // 6 % 6], levels[number % 6])


class Style:
    def __init__(self):
        self.ink, self.paper, self.on = None, None, set()

    def apply(self, codes):
        codes = [int(code or 0) for code in codes.split(";")]
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.__init__()
            elif code in (1, 2, 3, 4, 7):
                self.on.add(code)
            elif code in (22, 23, 24, 27):
                self.on -= {1, 2} if code == 22 else {code - 20}
            elif code in (38, 48):
                kind, count = codes.pop(0), 3
                colour = of_256(codes.pop(0)) if kind == 5 else "#%02x%02x%02x" % tuple(codes[:count])
                if kind == 2:
                    del codes[:count]
                self.ink, self.paper = (colour, self.paper) if code == 38 else (self.ink, colour)
            elif code in (39, 49):
                self.ink, self.paper = (None, self.paper) if code == 39 else (self.ink, None)
            elif code // 10 in (3, 9):
                self.ink = SIXTEEN[code % 10 + (8 if code >= 90 else 0)]
            elif code // 10 in (4, 10):
                self.paper = SIXTEEN[code % 10 + (8 if code >= 100 else 0)]

    def colours(self):
        ink, paper = self.ink or INK, self.paper
        return (PAPER if not paper else paper, ink) if 7 in self.on else (ink, paper)


def width(character):
    if unicodedata.combining(character) or character in "\u200d\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def pieces(line, style):
    """The line as (column, cells, text, style's look), cut where the look or the width changes."""
    column = 0
    for codes, text in re.findall(r"\x1b\[([\d;]*)m|([^\x1b]+)", line):
        if not text:
            style.apply(codes)
            continue
        for part in re.findall(r"[│\u2e80-\U0010ffff]|[^│\u2e80-\U0010ffff]+", text):
            cells = sum(map(width, part))
            yield column, cells, part, style.colours(), frozenset(style.on)
            column += cells


def runs(text):
    """Words with no more than one space between them, each run with the cells before it: browsers drop
    the spaces around a text and all but one within, and would stretch what is left."""
    for run in re.finditer(r"\S+(?: \S+)*", text):
        yield sum(map(width, text[: run.start()])), run[0]


def render(screen, cursor):
    rows = screen.rstrip("\n").split("\n")
    across, down = WIDE * CELL + 24, HIGH * ROW + 24
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across:g} {down:g}" width="{across:g}" height="{down:g}">',
        f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>',
        f'<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="{SIZE}">',
    ]
    style = Style()
    for row, line in enumerate(rows):
        for column, cells, text, (ink, paper), on in pieces(line, style):
            x, y, long = 12 + column * CELL, 12 + row * ROW, cells * CELL
            if paper:
                out.append(f'<rect x="{x:g}" y="{y:g}" width="{long:g}" height="{ROW}" fill="{paper}"/>')
            if set(text) == {"│"}:  # as a line without gaps, which no font promises
                middle = x + long / 2
                out.append(f'<path d="M{middle:g} {y}v{ROW}" stroke="{ink}" opacity="0.6"/>')
            elif text.strip():
                look = ' font-weight="bold"' if 1 in on else ""
                look += ' opacity="0.6"' if 2 in on else ""
                look += ' font-style="italic"' if 3 in on else ""
                look += ' text-decoration="underline"' if 4 in on else ""
                for before, words in runs(text):
                    begin, long = x + before * CELL, sum(map(width, words)) * CELL
                    place = f'x="{begin:g}" y="{y + 13:g}" textLength="{long:g}"'
                    out.append(f'<text {place} fill="{ink}"{look}>{html.escape(words)}</text>')
    column, row = cursor
    x, y = 12 + column * CELL, 12 + row * ROW
    out.append(f'<rect x="{x:g}" y="{y:g}" width="{CELL:g}" height="{ROW}" fill="{INK}" opacity="0.7"/>')
    return "\n".join([*out, "</g>", "</svg>", ""])


if __name__ == "__main__":
    main()
