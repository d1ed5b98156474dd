// @ts-check
/** @import { ShelfCard } from './api-types.d.ts' */
// The shelf's foot: more of one card. My best pictures with it, its trigger words, notes, its weight to begin with.

import { images, models } from './api.js';
import { button, el, icon, iconButton } from './dom.js';
import { count } from './format.js';
import { t } from './language.js';
import { bytesOf, fitLines } from './model-words.js';
import { foreignWords } from './shelf-card.js';
import { keep } from './shelf-models.js';
import { familyOf, folderOf } from './shelf-list.js';
import { addWords } from './shelf-use.js';
import { parts, state } from './state.js';
import { go } from './tabs.js';
import { complain, toast } from './toast.js';

const BEST = 4;
/** @type {Record<string, string>} */
const KEY = { checkpoint: 'model', lora: 'lora', embedding: 'emb' };

/** The gallery's words for pictures made with a card. @type {(card: ShelfCard) => string} */
const queryOf = ({ kind, name }) => (KEY[kind] ? `${KEY[kind]}:"${kind === 'checkpoint' ? name : name.slice(name.lastIndexOf('/') + 1)}"` : '');

/** @param {{use: (card: ShelfCard, anyway: boolean) => void, gone: () => void}} told `gone`: the foot was closed by its button */
export function makeFoot({ use, gone }) {
  /** @type {ShelfCard | null} */
  let card = null;
  let turn = 0;
  /** @type {any} */
  let act = null;
  const node = el('section.shelf-foot', { hidden: true });
  const close = () => { const was = card !== null; card = null; node.hidden = true; node.replaceChildren(); return was; };

  /** @param {ShelfCard} wanted @param {{foreign: ShelfCard | null}} more */
  function show(wanted, { foreign }) {
    if (card?.id === wanted.id) return;
    card = wanted;
    const mine = ++turn, short = wanted.name.slice(wanted.name.lastIndexOf('/') + 1);
    const best = el('div.shelf-best', { hidden: true }), fits = el('div.shelf-fits'), acts = el('div.row-of-buttons');
    act = wanted.kind === 'checkpoint' || wanted.error ? null : button('plus', '', () => use(wanted, true));
    acts.append(...[act].filter(Boolean));
    node.setAttribute('aria-label', short);
    node.replaceChildren(...[
      el('div.shelf-foot-head', {}, el('h3', {}, short), el('small', {}, [familyOf(wanted), wanted.size && bytesOf(wanted.size), folderOf(wanted.name)].filter(Boolean).join(' · ')), iconButton('close', t('Close the card'), () => { close(); gone(); })),
      wanted.error && el('p.danger', {}, wanted.error),
      foreign && el('p.shelf-note', {}, `${foreignWords(wanted, foreign)}.`),
      best, triggers(wanted), notes(wanted), wanted.kind === 'lora' && state.admin && weight(wanted), fits, acts,
    ].filter(Boolean));
    node.hidden = false;
    marked(lastMarks);
    if (wanted.kind !== 'style') more(wanted, { best, fits, acts, isStill: () => mine === turn && card?.id === wanted.id });
  }

  let lastMarks = new Map();
  /** @param {Map<string, string>} marks */
  function marked(marks) {
    lastMarks = marks;
    if (!card || !act) return;
    const isUsed = marks.has(card.id), isWord = ['lora', 'embedding', 'hypernetwork'].includes(card.kind);
    act.lastChild.textContent = isUsed ? (isWord ? t('Take out of the prompt') : t('Take off')) : node.querySelector('.shelf-note') ? t('Put it in anyway') : isWord ? t('Into the prompt') : t('Choose');
    act.firstChild.className = `glyph icon-${isUsed ? 'minus' : 'plus'}`;
    act.title = act.lastChild.textContent;
  }

  return { node, show, close, marked, shows: (/** @type {ShelfCard} */ other) => card?.id === other.id, renewed: (/** @type {ShelfCard[]} */ cards) => { if (card && !cards.some((each) => each.id === card?.id)) close(); } };
}

/** @param {ShelfCard} card */
const triggers = (card) => card.triggers.length > 0 && el('div', {}, el('h4', {}, t('Trigger words')),
  el('div.shelf-words', {}, ...card.triggers.map((word) => el('button.shelf-chip', { type: 'button', title: t('Put "{word}" into the prompt', { word }), onclick: () => addWords(word) }, icon('plus'), word))));

/** @param {ShelfCard} card */
function notes(card) {
  if (card.kind === 'style') return el('p.shelf-note', {}, card.notes);
  if (!state.admin) return card.notes && el('p.shelf-note', {}, card.notes);
  const box = el('textarea', { rows: 2, placeholder: t('What is worth remembering of it'), onchange: () => keep(card, { notes: box.value }).then(() => toast(t('Notes saved')), complain) });
  box.value = card.notes;
  models.get(card.id).then(({ kept }) => { if (document.activeElement !== box) box.value = kept.notes; }, () => {});  // the whole of them: a card has the beginning
  return el('label.shelf-field', {}, t('Notes'), box);
}

/** @param {ShelfCard} card */
function weight(card) {
  const box = el('input', { type: 'text', inputmode: 'decimal', placeholder: '1', autocomplete: 'off', onchange: () => {
    const wanted = box.value.trim() === '' ? null : Number(box.value.replace(',', '.'));
    if (wanted !== null && !(Math.abs(wanted) <= 10)) { toast(t('A weight is a number from -10 to 10.'), { kind: 'error' }); return; }
    keep(card, { weight: wanted }).then(() => toast(wanted === null ? t('Put in with weight 1') : t('Put in with weight {wanted}', { wanted })), complain);
  } });
  box.value = card.weight === null ? '' : String(card.weight);
  return el('label.shelf-field.shelf-weight', {}, t('Weight to begin with'), box);
}

/** What the server knows besides: pictures made with it, and whether a checkpoint fits this machine. */
async function more(card, { best, fits, acts, isStill }) {
  const query = queryOf(card);
  try {
    const [mine, told] = await Promise.all([query ? images.page({ q: query, limit: BEST, sort: 'rating' }) : null, card.kind === 'checkpoint' ? models.get(card.id) : null]);
    if (!isStill()) return;
    if (told) fits.replaceChildren(...fitLines(told.fits));
    const made = /** @type {any[]} */ (mine?.images ?? []);
    best.hidden = !made.length;
    best.replaceChildren(...made.map((image) => el('button.shelf-picture', { type: 'button', title: image.request?.prompt ?? '', 'aria-label': t('Show this picture'), onclick: () => go('gallery').then(() => parts.gallery?.look?.(query)) }, el('img', { src: images.thumb(image.id), alt: '', decoding: 'async' }))));
    if (mine?.total) acts.append(button('picture', count(mine.total, 'picture'), () => go('gallery').then(() => parts.gallery?.look?.(query)), { title: t('Show the pictures made with it') }));
  } catch (problem) {
    if (isStill()) fits.replaceChildren(el('p.danger', {}, problem.message));
  }
}
