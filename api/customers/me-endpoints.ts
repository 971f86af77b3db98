import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, Router } from 'express';
import type { z } from 'zod';
import type { AddressUse } from '../../db/customers/addresses';
import { Failure } from '../../domain/shared/failures';
import { isSessionId } from '../../domain/shared/ids';
import { verifiedAccount } from '../../services/auth/login';
import { revokeSession } from '../../services/auth/sessions';
import { eraseCustomer } from '../../services/customers/erasure';
import { myAccount } from '../../services/customers/people';
import { personalExport } from '../../services/customers/personal-export';
import {
  type AddressChanges,
  addAddress,
  changeProfile,
  removeAddress,
  replaceAddress,
} from '../../services/customers/profile';
import { accountOf, actorOf } from '../http/access';
import type { ApiContext } from '../http/context';
import { newRoutes } from '../http/methods';
import { readBody } from '../http/read';
import { ChangeAddress, ChangeMe, EraseMe } from './schemas';
import { presentAddress, presentMe, presentSession } from './serializers';

/** What somebody sees and changes of themselves. Their id comes from the token, never from the request. */
export function meRoutes(ctx: ApiContext): Router {
  const { store, identity } = ctx;
  const { router, methods } = newRoutes('/api/me');
  const me = (req: Request): string => accountOf(req).customerId;

  const present = async (customerId: string) => {
    const { profile, account } = await myAccount(ctx, customerId);
    return presentMe(profile, account);
  };

  methods('/', {
    get: async (req, res) => {
      res.json(await present(me(req)));
    },
    patch: async (req, res) => {
      await changeProfile(identity, me(req), given(readBody(req, ChangeMe)));
      res.json(await present(me(req)));
    },
  });

  methods('/sessions', {
    get: async (req, res) => {
      const { customerId, sessionId } = accountOf(req);
      const sessions = await store.sessions.ofCustomer(customerId, identity.now());
      res.json({ data: sessions.map((session) => presentSession(session, sessionId)) });
    },
  });

  methods('/sessions/:id', {
    delete: async (req, res) => {
      const id = String(req.params.id);
      const isEnded = isSessionId(id) && (await revokeSession(identity, me(req), id, 'logout', actorOf(req)));
      if (!isEnded) throw new Failure('not_found', 'There is no such session.');
      res.status(204).end();
    },
  });

  methods('/addresses', {
    get: async (req, res) => {
      res.json({ data: (await store.addresses.ofCustomer(me(req))).map(presentAddress) });
    },
    post: async (req, res) => {
      const added = await addAddress(identity, me(req), addressIn(readBody(req, ChangeAddress)));
      res.status(201).set('Location', `/api/me/addresses/${added.id}`).json(presentAddress(added));
    },
  });

  methods('/addresses/:id', {
    put: async (req, res) => {
      const changes = addressIn(readBody(req, ChangeAddress));
      res.json(presentAddress(await replaceAddress(identity, me(req), String(req.params.id), changes)));
    },
    delete: async (req, res) => {
      await removeAddress(identity, me(req), String(req.params.id));
      res.status(204).end();
    },
  });

  methods('/export', {
    get: async (req, res) => {
      const pieces = personalExport(ctx, accountOf(req));
      // The first piece is read before anything is sent: until then a failure can still be told.
      const { value: first = '' } = await pieces.next();
      res.type('json').set('Content-Disposition', 'attachment; filename="personal-data.json"');
      await pipeline(Readable.from(following(first, pieces)), res);
    },
  });

  methods('/erasure', {
    post: async (req, res) => {
      const { password } = readBody(req, EraseMe);
      await verifiedAccount(identity, await store.accounts.find(me(req)), password);
      await eraseCustomer(identity, me(req), actorOf(req));
      res.status(204).end();
    },
  });

  return router;
}

async function* following<T>(first: T, rest: AsyncIterable<T>): AsyncGenerator<T> {
  yield first;
  yield* rest;
}

/** Only what was sent: a field that was left out is not one that is to be emptied. */
const given = <T extends object>(body: T) =>
  Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };

function addressIn({
  defaultShipping,
  defaultBilling,
  ...address
}: z.infer<typeof ChangeAddress>): AddressChanges {
  const defaultFor: AddressUse[] = [];
  if (defaultShipping) defaultFor.push('shipping');
  if (defaultBilling) defaultFor.push('billing');
  return { address, defaultFor };
}
