#!/usr/bin/env python3
"""junit.py LANE REPORT TIMES: reads a JUnit report of ctest or pytest. Prints the number of passed tests, then a line for each failed one; skipped tests go to standard
error. Appends the seconds, lane and name of each test to the file TIMES. Fails if no test ran."""
import sys
import xml.etree.ElementTree as xml

lane, report, times = sys.argv[1:]
passed, failed, seconds = 0, [], []
for case in xml.parse(report).iter("testcase"):
    # ctest reports only the test name, pytest the module as well.
    name = case.get("name") if case.get("status") else f"{case.get('classname')}.{case.get('name')}"
    skipped = case.find("skipped")
    if case.get("status") == "disabled":
        continue
    if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
        failed.append(f"{lane}: {name}")
    elif skipped is None:
        passed += 1
    elif case.get("status") == "notrun" and not skipped.get("message", "").startswith("SKIP_"):
        failed.append(f"{lane}: {name} (not run)")
    else:
        print(f"skipped: {name}", file=sys.stderr)
        continue
    seconds.append(f"{float(case.get('time', 0)):.1f}\t{lane}\t{name}\n")
if not seconds:
    sys.exit(f"{report}: no test ran")
with open(times, "a", encoding="utf-8") as out:
    out.writelines(seconds)
print(passed, *failed, sep="\n")
