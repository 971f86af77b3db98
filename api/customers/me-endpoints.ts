import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Request, Router } from 'express';
import type { z } from 'zod';
import type { AddressUse } from '../../db/customers/addresses';
import { AppError } from '../../domain/shared/errors';
import { isSessionId } from '../../domain/shared/ids';
import { verifyAccountPassword } from '../../services/auth/login';
import { revokeSession } from '../../services/auth/sessions';
import { getProfileAndAccount } from '../../services/customers/account';
import { eraseCustomer } from '../../services/customers/erasure';
import { exportPersonalData } from '../../services/customers/export-personal-data';
import {
  type AddressInput,
  addAddress,
  changeProfile,
  removeAddress,
  replaceAddress,
} from '../../services/customers/profile';
import type { OrderWithContact } from '../../services/orders/find-order';
import { getActor, requireAccount } from '../http/auth';
import type { ApiContext } from '../http/context';
import { parseBody } from '../http/parse-request';
import { createRouter } from '../http/router';
import { orderLinks, toOrderResponse } from '../orders/serializers';
import { AddressRequest, ErasureRequest, UpdateMeRequest } from './schemas';
import { streamPersonalDataExport, toAddressResponse, toMeResponse, toSessionResponse } from './serializers';

/** What somebody sees and changes of themselves. Their id comes from the token, never from the request. */
export function meRoutes(ctx: ApiContext): Router {
  const { store, identity } = ctx;
  const { router, registerRoutes } = createRouter('/api/me');
  const me = (req: Request): string => requireAccount(req).customerId;

  const present = async (customerId: string) => {
    const { profile, account } = await getProfileAndAccount(ctx, customerId);
    return toMeResponse(profile, account);
  };

  registerRoutes('/', {
    get: async (req, res) => {
      res.json(await present(me(req)));
    },
    patch: async (req, res) => {
      await changeProfile(identity, me(req), omitUndefined(parseBody(req, UpdateMeRequest)));
      res.json(await present(me(req)));
    },
  });

  registerRoutes('/sessions', {
    get: async (req, res) => {
      const { customerId, sessionId } = requireAccount(req);
      const sessions = await store.sessions.findByCustomer(customerId, identity.now());
      res.json({ data: sessions.map((session) => toSessionResponse(session, sessionId)) });
    },
  });

  registerRoutes('/sessions/:id', {
    delete: async (req, res) => {
      const id = String(req.params.id);
      const isEnded =
        isSessionId(id) && (await revokeSession(identity, me(req), id, 'logout', getActor(req)));
      if (!isEnded) throw new AppError('not_found', 'There is no such session.');
      res.status(204).end();
    },
  });

  registerRoutes('/addresses', {
    get: async (req, res) => {
      res.json({ data: (await store.addresses.findByCustomer(me(req))).map(toAddressResponse) });
    },
    post: async (req, res) => {
      const added = await addAddress(identity, me(req), toAddressChanges(parseBody(req, AddressRequest)));
      res.status(201).set('Location', `/api/me/addresses/${added.id}`).json(toAddressResponse(added));
    },
  });

  registerRoutes('/addresses/:id', {
    put: async (req, res) => {
      const changes = toAddressChanges(parseBody(req, AddressRequest));
      res.json(toAddressResponse(await replaceAddress(identity, me(req), String(req.params.id), changes)));
    },
    delete: async (req, res) => {
      await removeAddress(identity, me(req), String(req.params.id));
      res.status(204).end();
    },
  });

  registerRoutes('/export', {
    get: async (req, res) => {
      const { customerId, sessionId } = requireAccount(req);
      const data = await exportPersonalData(ctx, customerId);
      const toOrder = ({ order, contact }: OrderWithContact) =>
        toOrderResponse(order, contact, orderLinks(ctx, order.id));
      res.type('json').set('Content-Disposition', 'attachment; filename="personal-data.json"');
      await pipeline(Readable.from(streamPersonalDataExport(data, sessionId, toOrder)), res);
    },
  });

  registerRoutes('/erasure', {
    post: async (req, res) => {
      const { password } = parseBody(req, ErasureRequest);
      await verifyAccountPassword(identity, await store.accounts.find(me(req)), password);
      await eraseCustomer(identity, me(req), getActor(req));
      res.status(204).end();
    },
  });

  return router;
}

/** Only what was sent: a field that was left out is not one that is to be emptied. */
const omitUndefined = <T extends object>(body: T) =>
  Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };

function toAddressChanges({
  defaultShipping,
  defaultBilling,
  ...address
}: z.infer<typeof AddressRequest>): AddressInput {
  const defaultFor: AddressUse[] = [];
  if (defaultShipping) defaultFor.push('shipping');
  if (defaultBilling) defaultFor.push('billing');
  return { address, defaultFor };
}
