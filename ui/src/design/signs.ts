// One sign for each type of state, so that a state is told by its form and not by its colour alone.

import type { StateType } from "../data/task_store";

export const SIGNS: Readonly<Record<StateType, string>> = {
  SCHEDULED: "◷",
  PENDING: "○",
  RUNNING: "▶",
  PAUSED: "‖",
  CANCELLING: "⊘",
  COMPLETED: "✓",
  FAILED: "✕",
  CRASHED: "!",
  CANCELLED: "⊘",
};
