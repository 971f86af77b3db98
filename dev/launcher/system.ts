import { runProcess } from '../../runtime/lifecycle';
import { startSystem } from './all-in-one';

runProcess('orders', (life) => startSystem(life));
