"""The page in a browser, as a person sees and uses it. A package, so that one browser serves all of it, and ends with it."""
