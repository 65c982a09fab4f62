import type { ProfileText } from './profile.js';

const CONTACT_IDS = [
  'Associated Contact IDs',
  'Associated Contact ID',
  'Record ID - Contact',
  'IDs de contactos asociados',
  'ID de contacto asociado',
  'ID de registro - Contacto',
  'Zugeordnete Kontakt-IDs',
  'Datensatz-ID - Kontakt',
  'ID de contacts associés',
  'IDs dos contatos associados',
  'ID do registro - Contato',
  'ID dei contatti associati',
  'ID contatti associati',
  'ID record - Contatto',
];

const NOTE_BODY = ['Note body', 'hs_note_body', 'Cuerpo de la nota', 'Notiztext', 'Corps de la note', 'Corpo da nota', 'Corpo della nota'];

/** The language of the headers is that of the user who exports; translations beside English and `ID de registro` are ours. */
export const HUBSPOT: readonly ProfileText[] = [
  {
    id: 'hubspot-notes',
    title: 'HubSpot: export of notes, with the ids of associated contacts',
    evidence: 'importers',
    recognisedBy: [NOTE_BODY, CONTACT_IDS],
    columns: { contactId: CONTACT_IDS, text: NOTE_BODY },
    set: {
      name: [
        'Note of {Activity date}',
        'Note of {Create date}',
        'Nota de {Fecha de actividad}',
        'Nota de {Fecha de creación}',
        'Notiz vom {Aktivitätsdatum}',
        'Notiz vom {Erstelldatum}',
        "Note du {Date d'activité}",
        'Note du {Date de création}',
        'Nota de {Data de criação}',
        'Nota del {Data di creazione}',
        'HubSpot note',
      ],
    },
    contactIds: { separator: ';', none: 'filter' },
    html: 'text',
    hints: [
      'Export with "Include IDs of associated records": the column "Associated Contact" alone holds names, not ids.',
      'HubSpot has no title for notes: the name is made of the date. Notes of a contact with the same text count as one; --id-column "Record ID" keeps them apart.',
    ],
  },
  {
    id: 'hubspot-contacts',
    title: 'HubSpot: export of contacts, with their associated notes',
    evidence: 'unverified',
    recognisedBy: [
      ['Record ID', 'ID de registro', 'Datensatz-ID'],
      ['Associated Note', 'Nota asociada', 'Zugeordnete Notiz'],
      ['Email', 'Correo', 'E-Mail', 'First Name', 'Nombre', 'Vorname'],
    ],
    columns: {
      contactId: ['Record ID', 'ID de registro', 'Datensatz-ID'],
      text: ['Associated Note', 'Nota asociada', 'Zugeordnete Notiz'],
    },
    set: { name: ['HubSpot notes'] },
    filter: ['Associated Note!=', 'Nota asociada!=', 'Zugeordnete Notiz!='],
    html: 'text',
    hints: ['One row a contact: all its notes stand in one cell, perhaps shortened. The export of notes (hubspot-notes) has them whole.'],
  },
];
