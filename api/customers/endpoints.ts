import type { Request, Router } from 'express';
import type { Profile } from '../../db/customers/contacts';
import { Failure } from '../../domain/shared/failures';
import { isCustomerId } from '../../domain/shared/ids';
import { changeRole } from '../../services/auth/roles';
import { eraseCustomer } from '../../services/customers/erasure';
import { recordPersonalDataRead } from '../../services/customers/staff-reads';
import { actorOf } from '../http/access';
import type { ApiContext } from '../http/context';
import { decodeCursor, toPage } from '../http/cursors';
import { newRoutes } from '../http/methods';
import { readBody, readQuery } from '../http/read';
import { ChangeRole, type CustomerSummary, ListCustomers } from './schemas';
import { presentCustomer, presentCustomerSummary } from './serializers';

/** What staff see and do of customers. Lists say nothing personal; whoever opens one customer leaves a trace. */
export function customerRoutes({ store, identity }: ApiContext): Router {
  const { router, methods } = newRoutes('/api/customers');

  const summaries = async (profiles: Profile[]): Promise<CustomerSummary[]> => {
    const roles = await store.accounts.roles(profiles.map((p) => p.customerId));
    return profiles.map((p) => presentCustomerSummary(p, roles.get(p.customerId) ?? null));
  };

  methods('/', {
    get: async (req, res) => {
      const { email, cursor, limit } = readQuery(req, ListCustomers);
      if (email !== undefined) {
        const found = await store.contacts.profileByEmail(email);
        // Whose address it is, is personal too.
        if (found !== null) await recordPersonalDataRead(identity, actorOf(req), found.customerId);
        res.json({ data: await summaries(found === null ? [] : [found]), nextCursor: null });
        return;
      }
      const profiles = await store.contacts.listProfiles({
        ...(cursor === undefined ? {} : { afterId: decodeCursor(cursor, isCustomerId) }),
        limit: limit + 1,
      });
      res.json(
        toPage(
          await summaries(profiles),
          limit,
          (row) => row.id,
          (row) => row,
        ),
      );
    },
  });

  methods('/:id', {
    get: async (req, res) => {
      const profile = await store.contacts.profile(readCustomerId(req));
      if (profile === null) throw noSuchCustomer();
      const { customerId } = profile;
      await recordPersonalDataRead(identity, actorOf(req), customerId);
      const [account, addresses] = await Promise.all([
        store.accounts.find(customerId),
        store.addresses.ofCustomer(customerId),
      ]);
      res.json(presentCustomer(profile, account?.role ?? null, addresses));
    },
  });

  methods('/:id/role', {
    put: async (req, res) => {
      const { role } = readBody(req, ChangeRole);
      await changeRole(identity, readCustomerId(req), role, actorOf(req));
      res.status(204).end();
    },
  });

  methods('/:id/erasure', {
    post: async (req, res) => {
      await eraseCustomer(identity, readCustomerId(req), actorOf(req));
      res.status(204).end();
    },
  });

  return router;
}

/** @throws Failure `not_found`: an id that cannot be one is a customer who does not exist. */
function readCustomerId(req: Request): string {
  const { id } = req.params;
  if (typeof id !== 'string' || !isCustomerId(id)) throw noSuchCustomer();
  return id;
}

const noSuchCustomer = (): Failure => new Failure('not_found', 'There is no such customer.');
