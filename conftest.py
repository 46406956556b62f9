"""For the whole checkout: the plugin's own tests run small pytest sessions through pytester."""

pytest_plugins = ["pytester"]
