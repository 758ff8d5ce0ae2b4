#!/usr/bin/env python3
"""Makes copies of the sources in which every mutant of mutants.toml lies dormant.

    mutate.py TABLE SOURCE_DIR OUTPUT_DIR    writes OUTPUT_DIR/FILE for each source touched, and OUTPUT_DIR/table.inc
    mutate.py TABLE --files                  names the sources touched, for CMake

A mutant is woken by its number, from 1: see tests/mutants/active.h. Fails when an original does not stand exactly once
in its file, or when two overlap.
"""
import pathlib
import sys
import tomllib


def mutated(mutants, original):
    """The code that stands instead of `original`: every mutant's replacement, chosen by number, else the original."""
    if original.endswith(";"):
        branches = "".join(f"if (mutants::is_active({number})) {{ {mutant['replacement']} }} else "
                           for number, mutant in mutants)
        return f"{branches}{{ {original} }}"
    choices = "".join(f"mutants::is_active({number}) ? ({mutant['replacement']}) : "
                      for number, mutant in mutants)
    return f"({choices}({original}))"


def mutate(text, file, mutants):
    """`text` with the mutants, pairs of number and row."""
    by_original = {}
    for number, mutant in mutants:
        by_original.setdefault(mutant["original"], []).append((number, mutant))
    places = []
    for original, group in by_original.items():
        found = text.count(original)
        if found != 1:
            sys.exit(f"{file}: the original of mutant {group[0][1]['name']} stands there {found} times, not once")
        begin = text.index(original)
        places.append((begin, begin + len(original), mutated(group, original)))
    places.sort()
    for (_, end, _), (begin, _, _) in zip(places, places[1:]):
        if begin < end:
            sys.exit(f"{file}: two mutants overlap at '{text[begin:end]}'")
    for begin, end, code in reversed(places):
        text = text[:begin] + code + text[end:]
    return '#include "tests/mutants/active.h"\n' + text


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main():
    table = tomllib.loads(pathlib.Path(sys.argv[1]).read_text())["mutant"]
    files = sorted({mutant["file"] for mutant in table})
    if sys.argv[2] == "--files":
        print(";".join(files), end="")
        return
    source, output = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    names = [mutant["name"] for mutant in table]
    if len(set(names)) != len(names):
        sys.exit("two mutants have the same name")
    for file in files:
        mutants = [(i + 1, mutant) for i, mutant in enumerate(table) if mutant["file"] == file]
        target = output / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(mutate((source / file).read_text(), file, mutants))
    rows = "".join("    {" + ", ".join(quoted(mutant[key]) for key in ("name", "file", "why")) + "},\n"
                   for mutant in table)
    (output / "table.inc").write_text(rows)


main()
