import type { ProfileText } from './profile.js';

/** A lookup without a value, as the data export writes it. */
const NO_ID = ['000000000000000AAA', '000000000000000'];
/** Ids of accounts, opportunities, cases …: those of contacts begin with 003, those of leads with 00Q. */
const NO_PERSON = '^(?!003|00Q)[a-zA-Z0-9]{15}(?:[a-zA-Z0-9]{3})?$';
const NOT_DELETED = ['IsDeleted!=1', 'IsDeleted!=true'];
const IDS = 'Ids of 15 and of 18 characters are the same record; --contacts takes either.';

export const SALESFORCE: readonly ProfileText[] = [
  {
    id: 'salesforce-note',
    title: 'Salesforce: Note.csv of the data export',
    evidence: 'read',
    recognisedBy: [['ParentId'], ['Title'], ['Body'], ['IsPrivate', 'IsDeleted']],
    columns: { contactId: ['ParentId'], name: ['Title'], text: ['Body'] },
    whenBlank: { name: ['Note of {CreatedDate}', 'Salesforce note'] },
    contactIds: { empty: NO_ID, others: NO_PERSON, none: 'filter' },
    filter: NOT_DELETED,
    hints: [
      IDS,
      'Notes of accounts, opportunities and cases are left out: their ParentId is no contact. Newer notes are ContentNote.csv, whose text is not in the CSV.',
    ],
  },
  {
    id: 'salesforce-task',
    title: 'Salesforce: Task.csv of the data export, or tasks by Data Loader',
    evidence: 'read',
    recognisedBy: [['WhoId', 'Who.Id'], ['Subject'], ['Description'], ['Status', 'Priority', 'TaskSubtype']],
    columns: { contactId: ['WhoId', 'Who.Id'], name: ['Subject'], text: ['Description'] },
    whenBlank: { name: ['Task of {ActivityDate}', 'Salesforce task'], text: ['{Subject}'] },
    contactIds: { empty: NO_ID, others: NO_PERSON, none: 'filter' },
    filter: NOT_DELETED,
    hints: [IDS, 'A task without a description is sent with its subject as text.'],
  },
  {
    id: 'salesforce-event',
    title: 'Salesforce: Event.csv of the data export, or events by Data Loader',
    evidence: 'read',
    recognisedBy: [
      ['WhoId', 'Who.Id'],
      ['Subject'],
      ['Description'],
      ['Location', 'StartDateTime', 'ActivityDateTime', 'DurationInMinutes'],
    ],
    columns: { contactId: ['WhoId', 'Who.Id'], name: ['Subject'], text: ['Description'] },
    whenBlank: { name: ['Event of {ActivityDate}', 'Event of {StartDateTime}', 'Salesforce event'], text: ['{Subject}'] },
    contactIds: { empty: NO_ID, others: NO_PERSON, none: 'filter' },
    filter: NOT_DELETED,
    hints: [IDS, 'An event without a description is sent with its subject as text.'],
  },
  {
    id: 'salesforce-case',
    title: 'Salesforce: Case.csv of the data export',
    evidence: 'documented',
    recognisedBy: [['ContactId'], ['CaseNumber'], ['Subject'], ['Description']],
    columns: { contactId: ['ContactId'], name: ['Subject'], text: ['Description'] },
    whenBlank: { name: ['Case {CaseNumber}', 'Salesforce case'], text: ['{Subject}'] },
    contactIds: { empty: NO_ID, none: 'filter' },
    filter: NOT_DELETED,
    hints: [IDS],
  },
  {
    id: 'salesforce-report',
    title: 'Salesforce: report of activities with contacts, exported as CSV',
    evidence: 'unverified',
    recognisedBy: [['Contact ID', 'Name ID'], ['Subject'], ['Full Comments', 'Comments']],
    columns: { contactId: ['Contact ID', 'Name ID'], name: ['Subject'], text: ['Full Comments', 'Comments'] },
    whenBlank: { name: ['Activity of {Date}', 'Salesforce activity'], text: ['{Subject}'] },
    contactIds: { empty: NO_ID, none: 'filter' },
    footer: ['*'],
    hints: [IDS, 'Put the column "Contact ID" into the report: a name is no id. The lines below the data are passed over.'],
  },
];
