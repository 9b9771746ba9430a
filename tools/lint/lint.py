"""./dev lint: every check over the files named, or over all. One finding a line, `file:line: message`; exit code 1 if there
are any."""

import sys

import formatting
import headers_alone
import include_graph
import links
import scripts
import source_rules
from project import all_files, is_text


def main(arguments):
    everything = [path for path in all_files() if is_text(path)]
    files = [path.removeprefix("./") for path in arguments] or everything
    findings = set()
    findings.update(source_rules.check(files))
    findings.update(include_graph.check(files, everything))
    findings.update(links.check(files))
    findings.update(scripts.check(files))
    findings.update(formatting.check(files))
    findings.update(headers_alone.check(files))
    for finding in sorted(findings):
        print(finding)
    print(f"{len(files)} files, {len(findings)} findings" if findings else f"{len(files)} files, all well")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
