import { runProcess } from '../../runtime/lifecycle';
import { startSystem } from './whole-system';

runProcess('orders', (life) => startSystem(life));
