import type { Emit, LookingFor } from '../model.js';
import type { Looker } from './look.js';

/** The looker, with a word to everybody on how much is looked for right now: otherwise a run that only looks would seem to stand still. */
export function tellLooking(looker: Looker, emit: Emit): Looker {
  const counts: Record<LookingFor, number> = { lost_answers: 0, contact_lists: 0, surplus: 0 };
  const during = async <T>(why: LookingFor, look: () => Promise<T>): Promise<T> => {
    emit({ type: 'looking', why, count: ++counts[why] });
    try {
      return await look();
    } finally {
      emit({ type: 'looking', why, count: --counts[why] });
    }
  };
  return {
    settle: (doubt) => during('lost_answers', () => looker.settle(doubt)),
    once: (doubt) => during('surplus', () => looker.once(doubt)),
    list: (contact) => during('contact_lists', () => looker.list(contact)),
    askForLongest: looker.askForLongest,
  };
}
