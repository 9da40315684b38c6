/** The script of a widget and of its exported page. */
import { createConnectedView } from "./app/connected-view";
import { openPage, widgetModule } from "./app/start";
import { createView } from "./app/view";
import { standaloneModel } from "./standalone/model";

export * from "./shared";
export default widgetModule(createConnectedView);
export const open = () => openPage((traits, el) => createView(standaloneModel(traits), el));
