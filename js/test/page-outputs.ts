/**
 * What exported pages compute, for Python's tests: run by node, with the paths of files.
 *
 * The first holds what each page carries; to the second go the page's loss, and its outputs for the rows that it carries.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { revived } from "../src/app/start";
import { predict } from "../src/model/forward";
import { standaloneModel } from "../src/standalone/model";
import { measureOf, networkOf, type PageData } from "../src/standalone/page-data";
import { type Bytes, decode } from "../src/wire/packed-array";

const [from, to] = process.argv.slice(2) as [string, string];
const carried = JSON.parse(readFileSync(from, "utf8")) as unknown[];

writeFileSync(
  to,
  JSON.stringify(
    carried.map((one) => {
      const page = revived(one) as PageData;
      const net = networkOf(page);
      const evaluation = measureOf(page, net);
      if (evaluation === null) return null; // no table can hold its curves: the page only shows it
      const { cells, measure } = evaluation;
      const mask = decode(page._mask as Bytes, "uint8", "_mask").data;
      const outputs = predict(net, cells, mask, page.keep_mean === true, measure.rows);
      return { outputs: [...outputs], loss: standaloneModel(page).get("loss") };
    }),
  ),
);
