// @ts-check
// People in Settings: invite somebody by a link and its QR code, give another role, take it back. Below, who did what.

import { people } from './api.js';
import { button, el } from './dom.js';
import { date, dateAndTime, t } from './language.js';
import { ROLES, withArticle } from './people-words.js';
import { secretList, shownOnce } from './secret-list.js';
import { complain, toast } from './toast.js';

const LINK = { now: t('Copy this link now: it is not shown again.'), label: t('The new link'), copy: t('Copy link'), copied: t('Link copied') };

/** The list of who is invited, and a row to invite one; below, who did what. */
export function peopleRows() {
  const audit = auditCard();
  return [peopleCard(audit.refresh), audit.root];
}

/** @param {() => void} changed is called when something was done */
function peopleCard(changed) {
  const name = el('input', { id: 'person-name', type: 'text', maxlength: 64, placeholder: t('Name'), autocomplete: 'off' });
  const role = roleField('guest', t('Role of who is invited'));
  const about = el('div.setting-text', {}, el('label', { for: 'person-name' }, t('Invite somebody')), el('p.muted', {}, t('By a link that is theirs alone, and shown once. Who opens it sees their own pictures. Guests make pictures; members also have API keys and webhooks; owners do everything.')));
  return secretList({
    what: t('People'),
    words: 'people invite link qr code role owner member guest person',
    about,
    fields: [name, role],
    submit: t('Invite'),
    make: async () => {
      const made = await people.invite({ name: name.value.trim(), role: role.value });
      name.value = '';
      changed();
      return [...shownOnce(LINK, made.link), qrCode(made.qr, made.name), made.closed ? el('p.field-error', {}, made.closed) : ''];
    },
    rows: async () => (await people.all()).people.map((person) => ({
      title: person.name,
      about: person.ended ? t('Taken back {day}. The pictures stay.', { day: date(person.ended) }) : t('{role} since {day}', { role: withArticle(person.role), day: date(person.created) }),
      gone: t('{name}: the link opens nothing any more', { name: person.name }),
      more: person.ended ? undefined : changeRole(person, changed),
      remove: person.ended ? undefined : () => people.takeBack(person.id).then(changed),
    })),
  });
}

function roleField(role, label) {
  return el('select', { 'aria-label': label }, ...ROLES.map((each) => el('option', { value: each, selected: each === role }, withArticle(each))));
}

function changeRole(person, changed) {
  const field = roleField(person.role, t('Role of {name}', { name: person.name }));
  field.onchange = async () => {
    try {
      await people.change(person.id, field.value);
      person.role = field.value;
      changed();
      toast(t('{name}: {role} from now on', { name: person.name, role: withArticle(field.value) }));
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
  code.setAttribute('aria-label', t('QR code of the link for {name}', { name }));
  return el('div.qr-code', {}, code);
}

/** What was done to this machine, newest first. */
function auditCard() {
  const list = el('ol.audit', { 'aria-label': t('Who did what') });
  const more = button('down', t('Show more'), () => fill(), { hidden: true });
  let before, turn = 0;
  const fill = async () => {
    const mine = turn;
    try {
      const { entries, next } = await people.audit(before);
      if (mine !== turn) return;
      list.append(...entries.map((entry) => el('li', {}, el('span', {}, `${entry.who === 'local' ? t('You, at this machine,') : entry.who} ${entry.did}`), el('time.muted', { datetime: entry.at }, dateAndTime(entry.at)))));
      if (!list.childElementCount) list.append(el('li.muted', {}, t('Nothing yet.')));
      before = next ?? undefined;
      more.hidden = next === null;
    } catch (problem) {
      list.append(el('li.field-error', {}, t('The list cannot be read. {message}', { message: problem.message })));
    }
  };
  const refresh = () => {
    turn += 1;
    before = undefined;
    list.replaceChildren();
    fill();
  };
  refresh();
  const root = el('div.setting', { 'data-words': 'who did what audit list log history people' }, el('div.setting-text', {}, el('span', {}, t('Who did what')), el('p.muted', {}, t('Changes of settings, keys, people, extensions and models, and jobs of others that were stopped.'))), list, more);
  return { root, refresh };
}
