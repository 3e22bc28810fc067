// The sign of each type of state: what tells them apart where colours do not.

import type { StateType } from "../data/task_store";

export const SIGNS: Record<StateType, string> = {
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
