import type { RequestHandler } from 'express';
import { Failure } from '../domain/failures';

const LOCAL_ADDRESS = /^(127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/;
const LOCAL_HOST = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i;
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'];

/**
 * Lets through who sits at this machine. Lists show other people's orders, and until there are accounts nobody can be
 * asked who they are. A proxy on the same machine is not a person at it, nor is a web page that reached
 * 127.0.0.1 under a name of its own (DNS rebinding) or from another origin.
 */
export const loopbackOnly: RequestHandler = (req, _res, next) => {
  const local =
    LOCAL_ADDRESS.test(req.socket.remoteAddress ?? '') &&
    LOCAL_HOST.test(req.get('host') ?? '') &&
    FORWARDED.every((name) => req.get(name) === undefined);
  if (!local) throw new Failure('forbidden', 'Lists are open on the machine itself only.');
  next();
};
