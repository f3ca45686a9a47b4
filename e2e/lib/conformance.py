#!/usr/bin/env python3
"""Counts one run of the OCI conformance suite, and names what failed and what was skipped, with the reason.

    conformance.py RESULTS VERSION

The counts come from the leaves of junit.xml: the suite marks them by a `status` attribute only, its header
counts parents too, and its exit code is 0 when its configuration did not load. So no results, results of
another version, and a run without cases are failures here.
"""
import sys
import xml.etree.ElementTree as tree


def reason(case):
    lines = [line.strip() for line in (case.findtext("system-out") or "").splitlines() if line.strip()]
    return "; ".join(lines) or "disabled, not part of this version of the suite"


def main(results, version):
    try:
        with open(f"{results}/results.yaml") as file:
            ran = [line.split(":", 1)[1].strip(' "\n') for line in file if line.startswith("  version:")]
        cases = list(tree.parse(f"{results}/junit.xml").iter("testcase"))
    except (OSError, tree.ParseError) as error:
        print(f"conformance {version}: no results ({error})")
        print("0 passed, 1 failed, 0 skipped")
        return 1
    by_status = {}
    for case in cases:
        by_status.setdefault(case.get("status"), []).append(case)
    passed = len(by_status.get("passed", []))
    skipped = by_status.get("skipped", [])
    failed = [case for case in cases if case.get("status") not in ("passed", "skipped")]
    print(f"conformance {version}: {len(cases)} cases, {passed} passed, {len(failed)} failed, {len(skipped)} skipped")
    for word, which in (("FAIL", failed), ("skip", skipped)):
        for case in which:
            print(f"{word}  {case.get('name').removeprefix('OCI Conformance Test/')}: {reason(case)}")
    wrong = len(failed)
    if ran not in ([version], [f"1.1+{version}"]):
        print(f"FAIL  the suite ran version {ran}, not {version}")
        wrong += 1
    if not passed:
        wrong = max(wrong, 1)
    print(f"{passed} passed, {wrong} failed, {len(skipped)} skipped")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
