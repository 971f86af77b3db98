import { runProcess } from '../../runtime/lifecycle';
import { startSystem } from './all-in-one';

runProcess('orders', (context) => startSystem(context));
