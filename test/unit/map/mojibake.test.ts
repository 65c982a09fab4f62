import { describe, expect, test } from 'vitest';
import { findMojibake } from '../../../src/map/mojibake.js';

const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

function readAsWindows1252(text: string): string {
  return Array.from(Buffer.from(text), (byte) =>
    byte >= 0x80 && byte < 0xa0 ? WINDOWS_1252.charAt(byte - 0x80) : String.fromCharCode(byte),
  ).join('');
}

function readAsLatin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}

describe('UTF-8 that was read in another encoding is found', () => {
  const TEXTS = [
    ...['café', 'José', 'CAFÉ', 'ÉTÉ', 'État', 'déjà vu', 'à la carte', 'voilà', 'l’été', 'Ça va', 'naïve', 'Zoë', 'Renée', 'œuvre'],
    ...['São Paulo', 'coração', 'não', 'señor', 'ñandú', 'Größe', 'Müller', 'über', 'Österreich', 'Übung', 'Straße', 'ÄRGER', 'MÜNCHEN'],
    ...['Ångström', 'Århus', 'Ørsted', 'Æble', 'Łódź', 'żółw', 'Čeština', 'İstanbul', 'ışık', 'çok'],
    ...['Привет', 'ελληνικά', 'שלום', 'مرحبا', '日本', '한국', 'हिन्दी', 'emoji 😀'],
    ...['it’s', '“quoted”', '‘x’', '„x“', 'a – b', 'ok…', '• item', '€5', '™', '£100', '20 °C', '½', '©', '→', '✓', '\ufeffx', '\ufffd'],
  ];
  for (const text of TEXTS) {
    test(text, () => {
      expect(findMojibake(readAsWindows1252(text))).toBeGreaterThanOrEqual(0);
      expect(findMojibake(readAsLatin1(text))).toBeGreaterThanOrEqual(0);
    });
  }

  test('with its position, also deep in a text', () => {
    expect(findMojibake(`${'Good text. '.repeat(400)}CafÃ©`)).toBe(4403);
  });
});

test.each([
  ['German', 'Größe geprüft; „Spaß“, das ist weiß… 30 Ä–Ö, „Ü“, „GROẞ“ – „ß“… ÄÖÜß… Ää—Öö Strauß“…'],
  [
    'French',
    '« été… » l’été\u00a0» passé” voilà…» naïve… Où\u00a0? Là\u00a0! DÉJÀ\u00a0! «\u00a0ÇA\u00a0» CAFÉ’S ÉTÉ—ÉTÉ À l’école ÎLE… GÎTE… Âge ÀÉ…É… È… Ù…',
  ],
  ['Portuguese', 'MANHÃ… AMANHÃ—que IRMÃ’s “IRMÔ MAÇÃ® LÃ² MANHÃ\u00a0que “não” SÃO—SÃO BÊNÇÃO… MAÇÔ… Ã “Ã” ã… coração'],
  ['Spanish', 'ESPAÑA… Ñandú… ¿Qué? ¡Sí! “Ñ” AÑO… año’s'],
  ['Nordic', 'RØ… smörgås… ÅÄÖ Åse—Ås 5 Å–10 Å Ø 12 mm Þ“ það…”» Ð… “Å” Ä…'],
  ['central Europe', 'Łódź—Gdańsk “Ł” Žižkov… Őr… ROMÂNIA â… „â”'],
  ['Turkish', 'İstanbul’da IŞIK… “ç” Ö…'],
  ['Vietnamese', 'Tiếng Việt: “đã”, “Ã”, ĐÃ” NHÂN… “Đã…”'],
  ['Cyrillic', 'Привет, мир… «Да» – “нет”'],
  ['Greek', 'ελληνικά… «ναι» Ά…'],
  ['Hebrew and Arabic', 'שלום… “x” مرحبا… «نعم»'],
  ['East Asia', '日本語…「はい」 한국어 中文—，。'],
  ['India and Thailand', 'हिन्दी… தமிழ் ภาษาไทย…'],
  ['signs', '3×4 3×… ±5 µm² 10 £ – 20 € 20 °C Café® fête™ © 2026 § 5 ½ ¾ • · ¶ …'],
  ['emoji', '👍🏽 😀 ❤️ 👨‍👩‍👧 🇩🇪'],
  ['code', 'if (a && b) { return "x"; } C:\\temp\\ä.txt {"k":"é"}'],
])('right text is never taken for it: %s', (_, text) => {
  expect(findMojibake(text)).toBe(-1);
  expect(findMojibake(text.normalize('NFD'))).toBe(-1);
  expect(findMojibake(text.toUpperCase())).toBe(-1);
});
