"""Puts many changed versions of a function into one build, so that a test run chooses one of them.

`fn f(x: u8) -> u8 { x + 1 }` with the changes 7 and 8 becomes

    fn f(x: u8) -> u8 { match crate::mutant_switch::chosen(3) {
    7 => { x - 1 },
    8 => { x * 1 },
    _ => { x + 1 } } }

where 3 is the function's own number, noted when it is called. The environment of the tests:

    MUTANT=7                the version of every function that has it; the others are as written
    MUTANT_REACHED=FILE     receives the number of each function that was called
"""

from dataclasses import dataclass, field

SWITCH = """
mod mutant_switch {
    use std::collections::HashSet;
    use std::io::Write as _;
    use std::sync::{Mutex, OnceLock};

    pub(crate) fn chosen(function: u32) -> u32 {
        static REACHED: OnceLock<Option<Mutex<(HashSet<u32>, std::fs::File)>>> = OnceLock::new();
        static CHOSEN: OnceLock<u32> = OnceLock::new();
        let reached = REACHED.get_or_init(|| {
            let path = std::env::var_os("MUTANT_REACHED")?;
            let file = std::fs::File::options().append(true).create(true).open(path).ok()?;
            Some(Mutex::new((HashSet::new(), file)))
        });
        if let Some(Ok(mut reached)) = reached.as_ref().map(Mutex::lock) {
            if reached.0.insert(function) {
                let _ = writeln!(reached.1, "{function}");
            }
        }
        *CHOSEN.get_or_init(|| std::env::var("MUTANT").ok().and_then(|number| number.parse().ok()).unwrap_or(0))
    }
}
"""


@dataclass
class Change:
    """A mutant: text to be put in place of [start, end) of a file."""

    number: int
    name: str
    package: str
    file: str
    start: int
    end: int
    text: str
    # Of the function around it, or None for a constant.
    function: tuple | None
    # Whether both versions of the function can stand in one body: those of `-> impl Trait` differ in type.
    switchable: bool


@dataclass
class Function:
    number: int
    start: int
    end: int
    changes: list = field(default_factory=list)


def position(source, place):
    """The index in the text of a line and column, both counted from one."""
    index = 0
    for _ in range(place["line"] - 1):
        index = source.index("\n", index) + 1
    return index + place["column"] - 1


def read(listed, root):
    """The mutants that `cargo mutants --list --json` tells of."""
    sources, changes = {}, []
    for number, mutant in enumerate(sorted(listed, key=lambda mutant: mutant["name"]), 1):
        file = mutant["file"]
        if file not in sources:
            sources[file] = (root / file).read_text()
        at = lambda span: (position(sources[file], span["start"]), position(sources[file], span["end"]))
        function = mutant.get("function")
        start, end = at(mutant["span"])
        changes.append(Change(
            number, mutant["name"], mutant["package"], file, start, end, mutant["replacement"],
            at(function["span"]) if function else None,
            bool(function) and "impl " not in function["return_type"],
        ))
    return changes


def body_of(source, start):
    """The index of the brace that opens the body of the function that starts there: the first outside of comments,
    strings and brackets."""
    depth, index = 0, start
    while True:
        if source.startswith("//", index):
            index = source.index("\n", index)
        elif source[index] == '"':
            index += 1
            while source[index] != '"':
                index += 2 if source[index] == "\\" else 1
        elif source[index] in "([":
            depth += 1
        elif source[index] in ")]":
            depth -= 1
        elif source[index] == "{" and depth == 0:
            return index
        index += 1


def functions_of(changes, first):
    """The outermost functions around the changes of one file, in order, numbered from `first`."""
    found = []
    for start, end in sorted({change.function for change in changes}, key=lambda span: (span[0], -span[1])):
        if not found or start >= found[-1].end:
            found.append(Function(first + len(found), start, end))
    for change in changes:
        next(f for f in found if f.start <= change.start and change.end <= f.end).changes.append(change)
    return found


def with_switches(source, functions):
    """The text with all changes in it, and for each the lines (from one, inclusive) that it takes."""
    written, lines, done = [], {}, 0
    line = 1

    def write(text):
        nonlocal line
        written.append(text)
        line += text.count("\n")

    for function in functions:
        opening, closing = body_of(source, function.start), function.end - 1
        body = source[opening + 1 : closing]
        write(source[done : opening + 1] + f" match crate::mutant_switch::chosen({function.number}) {{\n")
        for change in function.changes:
            start, end = change.start - opening - 1, change.end - opening - 1
            first = line
            # A comment at the end of a body must not swallow the brace.
            write(f"{change.number} => {{{body[:start]}{change.text}{body[end:]}\n}},")
            lines[change.number] = (first, line)
            write("\n")
        write(f"_ => {{{body}\n}} }}\n")
        done = closing
    write(source[done:])
    return "".join(written), lines
