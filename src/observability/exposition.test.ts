import { expect, test } from "vitest";
import { renderMetrics } from "./exposition.ts";
import { Histogram } from "./histogram.ts";

test("counters and gauges are rendered with escaped labels", () => {
  const page = renderMetrics([
    { name: "a_total", help: "All of it", type: "counter", samples: [[{ device: 'press "1"\\' }, 3]] },
    { name: "b", help: "Now", type: "gauge", samples: [[{}, 0.5]] },
  ]);
  expect(page).toBe(
    `# HELP a_total All of it\n# TYPE a_total counter\na_total{device="press \\"1\\"\\\\"} 3\n# HELP b Now\n# TYPE b gauge\nb 0.5\n`,
  );
});

test("a histogram is cumulated, in seconds, with the bound itself inside its bucket", () => {
  const histogram = new Histogram([1, 10]);
  for (const value of [0.5, 1, 5, 10, 11]) histogram.observe(value);
  const page = renderMetrics([{ name: "t", help: "Times", type: "histogram", samples: [[{}, histogram]] }]);
  expect(page.split("\n").slice(2, -1)).toEqual([
    `t_bucket{le="0.001"} 2`,
    `t_bucket{le="0.01"} 4`,
    `t_bucket{le="+Inf"} 5`,
    "t_sum 0.0275",
    "t_count 5",
  ]);
});
