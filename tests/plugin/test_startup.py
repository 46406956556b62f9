"""A session that does not use the plugin pays nothing for it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

COUNT = """
import json, sys, pytest
before = set(sys.modules)
import pytest_vizart.plugin.entry
added = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps(sorted(added)))
"""


def test_the_entry_module_loads_the_standard_library_and_pytest_only() -> None:
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True)
    foreign = set(json.loads(done.stdout)) - set(sys.stdlib_module_names)
    assert foreign == {"pytest_vizart"}


def test_an_unused_plugin_loads_nothing_heavy_in_a_whole_session(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_trivial():
            import sys
            ours = {name for name in sys.modules if name.startswith("pytest_vizart")}
            light = {"", ".options", ".plugin", ".plugin.entry", ".plugin.keys"}
            assert ours == {f"pytest_vizart{name}" for name in light}, ours
            heavy = {"numpy", "pyarrow", "pydantic", "loguru", "psutil", "sklearn", "PIL", "jinja2", "orjson", "yaml"}
            assert not heavy & set(sys.modules)
        """
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        result = pytester.runpytest_subprocess("-p", "vizart")
    result.assert_outcomes(passed=1)
    assert not (pytester.path / ".vizart").exists()


def test_strict_configuration_knows_our_markers_and_options(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\naddopts = --strict-markers --strict-config\nvizart_passes = 2\nvizart_strict = true\n")
    pytester.makepyfile("def test_trivial(): pass")
    pytester.runpytest().assert_outcomes(passed=1)


def test_markers_and_options_explain_themselves(pytester: pytest.Pytester) -> None:
    pytester.runpytest("--markers").stdout.fnmatch_lines(
        ["@pytest.mark.vizart_golden(name)*", "@pytest.mark.vizart_latency*p95_ms*"]
    )
    pytester.runpytest("--help").stdout.fnmatch_lines(["*--vizart-golden=DIR*", "*--vizart-strict*"])
