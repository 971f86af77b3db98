import { select } from '../../../db/core/sql';
import { MAX_ADDRESSES } from '../../../db/customers/addresses';
import type { Address } from '../../../db/customers/contacts';
import { eraseCustomer } from '../../../services/customers/erasure';
import {
  addAddress,
  changeProfile,
  removeAddress,
  replaceAddress,
} from '../../../services/customers/profile';
import { type TestCustomer, TestIdentity } from '../../harness/http/test-identity';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';

const buildAddress = (line1: string): Address => ({
  name: 'Ada Byron',
  line1,
  city: 'Berlin',
  postalCode: '10115',
  country: 'DE',
});

describe.each(DIALECTS)('profiles on %s', (dialect) => {
  let shop: TestStore;
  let identity: TestIdentity;
  let ada: TestCustomer;
  beforeEach(async () => {
    shop = await createTestStore(dialect);
    identity = new TestIdentity(shop.store);
    ada = await identity.createCustomer();
  });
  afterEach(() => shop?.close());

  const book = () => shop.store.addresses.findByCustomer(ada.customerId);
  const add = (line1: string, ...defaultFor: ('shipping' | 'billing')[]) => {
    identity.nowMs += 1;
    return addAddress(identity, ada.customerId, { address: buildAddress(line1), defaultFor });
  };
  /** First line of the default shipping and the default billing address. */
  const defaults = async () => {
    const all = await book();
    return [all.filter((a) => a.defaultShipping), all.filter((a) => a.defaultBilling)].map((addresses) =>
      addresses.map((a) => a.address.line1).join(' and '),
    );
  };

  test('changes only the given fields, and logs the field names without values', async () => {
    await changeProfile(identity, ada.customerId, { phone: '+49 30 1234567', orderUpdates: 'none' });
    await changeProfile(identity, ada.customerId, { name: null });
    expect(await shop.store.contacts.findProfile(ada.customerId)).toMatchObject({
      email: ada.email,
      name: null,
      phone: '+49 30 1234567',
    });
    expect((await shop.store.accounts.find(ada.customerId))?.orderUpdates).toBe('none');
    const sql = 'SELECT body FROM events WHERE stream = :stream';
    const log = JSON.stringify(await select(shop.db, sql, { stream: ada.customerId }));
    expect(log).toContain('orderUpdates');
    expect(log).not.toContain('1234567');
    await changeProfile(identity, ada.customerId, {});
    expect(
      (await identity.listEventTypes(ada.customerId)).filter((t) => t === 'ProfileChanged'),
    ).toHaveLength(2);
  });

  test('a change after the erasure restores no data', async () => {
    const notFound = { code: 'not_found' };
    const { id } = await add('1 First St');
    await eraseCustomer(identity, ada.customerId, { kind: 'customer', id: ada.customerId });
    const change = { address: buildAddress('2 Late St'), defaultFor: [] };
    await expect(changeProfile(identity, ada.customerId, { name: 'Ada' })).rejects.toMatchObject(notFound);
    await expect(addAddress(identity, ada.customerId, change)).rejects.toMatchObject(notFound);
    await expect(replaceAddress(identity, ada.customerId, id, change)).rejects.toMatchObject(notFound);
    expect((await shop.store.contacts.findProfile(ada.customerId))?.name).toBeNull();
    expect(await book()).toEqual([]);
    expect((await identity.listEventTypes(ada.customerId)).at(-1)).toBe('CustomerErased');
  });

  test('the first address is the default for both kinds; a later one replaces it when requested', async () => {
    await add('1 First St');
    expect(await defaults()).toEqual(['1 First St', '1 First St']);
    await add('2 Second St', 'billing');
    expect(await defaults()).toEqual(['1 First St', '2 Second St']);
    const third = await add('3 Third St');
    expect(await defaults()).toEqual(['1 First St', '2 Second St']);
    await replaceAddress(identity, ada.customerId, third.id, {
      address: buildAddress('4 New St'),
      defaultFor: ['shipping'],
    });
    expect(await defaults()).toEqual(['4 New St', '2 Second St']);
  });

  test('deleting a default address makes the oldest remaining one the default', async () => {
    const first = await add('1 First St');
    await add('2 Second St');
    await add('3 Third St', 'billing');
    await removeAddress(identity, ada.customerId, first.id);
    expect(await defaults()).toEqual(['2 Second St', '3 Third St']);
    for (const { id } of await book()) await removeAddress(identity, ada.customerId, id);
    expect(await book()).toEqual([]);
  });

  test('concurrent changes leave one default of each kind', async () => {
    await Promise.all(Array.from({ length: 6 }, (_, n) => add(`${n} First St`)));
    expect(await book()).toHaveLength(6);
    const ids = (await book()).map(({ id }) => id);
    await Promise.all([
      ...ids.slice(0, 3).map((id) => removeAddress(identity, ada.customerId, id)),
      ...ids.slice(3).map((id, n) =>
        replaceAddress(identity, ada.customerId, id, {
          address: buildAddress(`${n} New St`),
          defaultFor: ['shipping', 'billing'],
        }),
      ),
      add('9 Late St', 'shipping'),
    ]);
    const remaining = await book();
    expect(remaining).toHaveLength(4);
    expect(remaining.filter((a) => a.defaultShipping)).toHaveLength(1);
    expect(remaining.filter((a) => a.defaultBilling)).toHaveLength(1);
  });

  test('limits the number of addresses, even for concurrent additions', async () => {
    for (let n = 0; n < MAX_ADDRESSES - 2; n += 1) await add(`${n} First St`);
    const results = await Promise.allSettled(Array.from({ length: 6 }, (_, n) => add(`${n} Last St`)));
    expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(2);
    expect(await book()).toHaveLength(MAX_ADDRESSES);
    await expect(add('one more')).rejects.toMatchObject({ code: 'too_many_addresses' });
  });

  test('an address of another customer is not found', async () => {
    const { id } = await add('1 First St');
    const eve = await identity.createCustomer('eve@example.com');
    const notFound = { code: 'not_found' };
    const change = { address: buildAddress('9 Evil St'), defaultFor: [] };
    await expect(replaceAddress(identity, eve.customerId, id, change)).rejects.toMatchObject(notFound);
    await expect(removeAddress(identity, eve.customerId, id)).rejects.toMatchObject(notFound);
    expect((await book())[0]?.address.line1).toBe('1 First St');
  });
});
