import { describe, expect, it } from "vitest";

import { type GraphAnswer, type GraphNode, GraphSource } from "./graph_source";
import { layOutGraph } from "./layout/folding";
import { type Item, itemAt, neighbour, type Picture, PictureMaker, relativesOf } from "./picture";

function node(id: string, more: Partial<GraphNode> = {}): GraphNode {
  return {
    id,
    kind: "task_run",
    label: id,
    task: null,
    task_run: Number(id.slice(2)),
    run: null,
    counts: {},
    state: "Completed",
    state_type: "COMPLETED",
    started_us: 0,
    ended_us: 1,
    runs: 1,
    ...more,
  };
}

/** A chain of two task runs, a subflow and one more; in the subflow are two. */
const ANSWERS: Record<string, GraphAnswer> = {
  outer: {
    nodes: [node("r:1"), node("r:2"), node("f:inner", { kind: "subflow", run: "inner" }), node("r:3")],
    edges: [
      ["r:1", "r:2"],
      ["r:2", "f:inner"],
      ["f:inner", "r:3"],
    ],
    is_truncated: false,
  },
  inner: {
    nodes: [node("r:1"), node("r:2")],
    edges: [["r:1", "r:2"]],
    is_truncated: false,
  },
};

class World {
  asked: unknown[] = [];
  layouts = 0;
  readonly source = new GraphSource("outer", (path, query) => {
    this.asked.push([path, query]);
    return Promise.resolve(structuredClone(ANSWERS[path.split("/")[3]!]) as never);
  });
  private readonly maker = new PictureMaker((shape) => {
    this.layouts++;
    return Promise.resolve(layOutGraph(shape));
  });

  async picture(): Promise<Picture> {
    await this.source.refresh();
    return this.maker.make(this.source);
  }
}

const named = (picture: Picture, key: string): Item => picture.items.find((item) => item.key === key)!;

describe("the picture of a graph", () => {
  it("has every node and edge of the flow run", async () => {
    const picture = await new World().picture();

    expect(picture.items.map(({ key }) => key)).toEqual(["outer/r:1", "outer/r:2", "outer/f:inner", "outer/r:3"]);
    expect(picture.ways.map(({ from, to }) => [from, to])).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
    ]);
  });

  it("has the graph of an open subflow inside its box", async () => {
    const world = new World();
    await world.picture();
    world.source.toggleSubflow("inner");
    const picture = await world.picture();
    const box = named(picture, "outer/f:inner");

    expect(box.isBox).toBe(true);
    for (const key of ["inner/r:1", "inner/r:2"]) {
      const item = named(picture, key);
      expect(item.x).toBeGreaterThan(box.x);
      expect(item.y).toBeGreaterThan(box.y);
      expect(item.x + item.width).toBeLessThan(box.x + box.width);
      expect(item.y + item.height).toBeLessThan(box.y + box.height);
      expect(itemAt(picture, item.x + 1, item.y + 1)).toBe(item);
    }
    expect(itemAt(picture, box.x + 1, box.y + 1)).toBe(box);

    world.source.toggleSubflow("inner");
    expect((await world.picture()).items).toHaveLength(4);
  });

  it("is laid out anew when its shape has changed, not when states have", async () => {
    const world = new World();
    await world.picture();
    await world.picture();
    expect(world.layouts).toBe(1);
  });

  it("asks for the runs of a task one by one when it is opened", async () => {
    const world = new World();
    world.source.toggleTask("load");
    await world.source.refresh();
    expect(world.asked[0]).toEqual(["/api/runs/outer/graph", { expand: ["load"] }]);
    world.source.toggleTask("load");
    await world.source.refresh();
    expect(world.asked.at(-1)).toEqual(["/api/runs/outer/graph", { expand: [] }]);
  });

  it("tells what a node waited for, and what waited for it", async () => {
    const picture = await new World().picture();
    const { items, ways } = relativesOf(picture, named(picture, "outer/r:2"));
    expect([...items]).toEqual([1, 1, 1, 1]);
    expect([...ways]).toEqual([1, 1, 1]);
  });

  it("is walked along its edges", async () => {
    const picture = await new World().picture();
    const second = named(picture, "outer/r:2");
    expect(neighbour(picture, second, "upstream")?.key).toBe("outer/r:1");
    expect(neighbour(picture, second, "downstream")?.key).toBe("outer/f:inner");
    expect(neighbour(picture, named(picture, "outer/r:1"), "upstream")).toBeNull();
  });
});
