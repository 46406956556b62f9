"""The pytest plugin. The only folder that imports pytest; `entry` is what pytest loads, and it stays light."""
