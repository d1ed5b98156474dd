// @ts-check
// People in Settings: invite somebody by a link and its QR code, give another role, take it back. Below, who did what.

import { people } from './api.js';
import { button, el } from './dom.js';
import { ROLES, withArticle } from './people-words.js';
import { secretList, shownOnce } from './secret-list.js';
import { complain, toast } from './toast.js';

const day = (when) => new Date(when).toLocaleDateString();

/** The list of who is invited, and a row to invite one; below, who did what. */
export function peopleRows() {
  const audit = auditCard();
  return [peopleCard(audit.refresh), audit.root];
}

/** @param {() => void} changed is called when something was done */
function peopleCard(changed) {
  const name = el('input', { id: 'person-name', type: 'text', maxlength: 64, placeholder: 'Name', autocomplete: 'off' });
  const role = roleField('guest', 'Role of who is invited');
  const about = el('div.setting-text', {}, el('label', { for: 'person-name' }, 'Invite somebody'), el('p.muted', {}, 'By a link that is theirs alone, and shown once. Who opens it sees their own pictures. Guests make pictures; members also have API keys and webhooks; owners do everything.'));
  return secretList({
    what: 'People',
    words: 'people invite link qr code role owner member guest person',
    about,
    fields: [name, role],
    submit: 'Invite',
    make: async () => {
      const made = await people.invite({ name: name.value.trim(), role: role.value });
      name.value = '';
      changed();
      return [...shownOnce('link', made.link), qrCode(made.qr, made.name), made.closed ? el('p.field-error', {}, made.closed) : ''];
    },
    rows: async () => (await people.all()).people.map((person) => ({
      title: person.name,
      about: person.ended ? `Taken back ${day(person.ended)}. The pictures stay.` : `${withArticle(person.role)} since ${day(person.created)}`,
      gone: `${person.name}: the link opens nothing any more`,
      more: person.ended ? undefined : changeRole(person, changed),
      remove: person.ended ? undefined : () => people.takeBack(person.id).then(changed),
    })),
  });
}

function roleField(role, label) {
  return el('select', { 'aria-label': label }, ...ROLES.map((each) => el('option', { value: each, selected: each === role }, withArticle(each))));
}

function changeRole(person, changed) {
  const field = roleField(person.role, `Role of ${person.name}`);
  field.onchange = async () => {
    try {
      await people.change(person.id, field.value);
      person.role = field.value;
      changed();
      toast(`${person.name}: ${withArticle(field.value).toLowerCase()} from now on`);
    } catch (problem) {
      field.value = person.role;
      complain(problem);
    }
  };
  return field;
}

/** The server's SVG as an element of the page. */
function qrCode(svg, name) {
  const code = document.importNode(new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement, true);
  code.setAttribute('role', 'img');
  code.setAttribute('aria-label', `QR code of the link for ${name}`);
  return el('div.qr-code', {}, code);
}

/** What was done to this machine, newest first. */
function auditCard() {
  const list = el('ol.audit', { 'aria-label': 'Who did what' });
  const more = button('down', 'Show more', () => fill(), { hidden: true });
  let before, turn = 0;
  const fill = async () => {
    const mine = turn;
    try {
      const { entries, next } = await people.audit(before);
      if (mine !== turn) return;
      list.append(...entries.map((entry) => el('li', {}, el('span', {}, `${entry.who === 'local' ? 'You, at this machine,' : entry.who} ${entry.did}`), el('time.muted', { datetime: entry.at }, new Date(entry.at).toLocaleString()))));
      if (!list.childElementCount) list.append(el('li.muted', {}, 'Nothing yet.'));
      before = next ?? undefined;
      more.hidden = next === null;
    } catch (problem) {
      list.append(el('li.field-error', {}, `The list cannot be read. ${problem.message}`));
    }
  };
  const refresh = () => {
    turn += 1;
    before = undefined;
    list.replaceChildren();
    fill();
  };
  refresh();
  const root = el('div.setting', { 'data-words': 'who did what audit list log history people' }, el('div.setting-text', {}, el('span', {}, 'Who did what'), el('p.muted', {}, 'Changes of settings, keys, people, extensions and models, and jobs of others that were stopped.')), list, more);
  return { root, refresh };
}
