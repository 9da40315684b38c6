/** The script of a sweep's widget and of its exported page; it stands behind the script of a widget. */
import { openPage, widgetModule } from "./app/start";
import { createConnectedSweep } from "./runs/connected";
import { createSweepPage } from "./runs/page";

export default widgetModule(createConnectedSweep);
export const open = () => openPage(createSweepPage);
