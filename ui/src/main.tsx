// The beginning: follows theme and links, and draws.

import { render } from "preact";

import { App } from "./app";
import { isExported } from "./data/exported";
import "./design/tokens.css";
import "./design/base.css";
import { followTheme } from "./design/theme";
import { followLinks } from "./router";
import { followMood } from "./shell/mood";
import "./text/text.css";

followTheme();
followMood();
if (!isExported) followLinks();
render(<App />, document.getElementById("app")!);
