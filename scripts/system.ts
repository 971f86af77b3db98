import { runProcess } from '../process/lifecycle';
import { startSystem } from './whole-system';

runProcess('orders', (life) => startSystem(life));
