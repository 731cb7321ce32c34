"""The page in a real browser: Chromium of this machine, on the running stack."""
