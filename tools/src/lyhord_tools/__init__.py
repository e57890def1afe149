"""The laptop side of Lyhörd: build an image, flash it, provision a node, talk to it, decode frames."""
