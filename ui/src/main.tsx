// The beginning: follows theme and links, and draws.

import { render } from "preact";

import { App } from "./app";
import { isExported } from "./data/exported";
import "./design/tokens.css";
import "./design/base.css";
import { followTheme } from "./design/theme";
import { followLinks } from "./router";
import "./text/text.css";

followTheme();
if (!isExported) followLinks();
render(<App />, document.getElementById("app")!);
