/* Boot: every behaviour is found by data- attributes and delegated on document, so it works in swapped pages. */

import "./csrf.js";
import "./navigation.js";
import "./page.js";
import "./player.js";
import "./waveform.js";
import "./slot.js";
import "./gate.js";
import "./upload.js";
