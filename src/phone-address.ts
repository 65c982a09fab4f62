/**
 * A contact that is known by a campaign and a phone number instead of an id. Where a contactId is expected it stands as one word, so that
 * lanes, ledger and reports need to know nothing of it; `map/schema.ts` refuses a contactId of this form.
 */
export interface PhoneAddress {
  readonly campaignId: string;
  /** 5 to 15 digits, perhaps with a `+` in front. */
  readonly phoneNumber: string;
}

const FORM = /^campaign:([^/]+)\/(\+?\d{5,15})$/;

/** `campaign:cmp_7/+4930123456` */
export function formatPhoneAddress({ campaignId, phoneNumber }: PhoneAddress): string {
  return `campaign:${encodeURIComponent(campaignId)}/${phoneNumber}`;
}

/** null: it is a contact's id. */
export function parsePhoneAddress(contactId: string): PhoneAddress | null {
  // Asked of every row: almost none begins so.
  if (!contactId.startsWith('campaign:')) return null;
  const [, campaign, phoneNumber] = FORM.exec(contactId) ?? [];
  if (campaign === undefined || phoneNumber === undefined) return null;
  try {
    return { campaignId: decodeURIComponent(campaign), phoneNumber };
  } catch {
    return null;
  }
}
