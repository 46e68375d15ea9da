'use strict';

/* The phone page. Everything it says to the server is an ordinary request that a script could send as well. */

const SCREEN_CHARACTERS = 160;
const HOP_TIMEOUT_MS = 15000;
const POLL_MS = 1000;
const POLL_WHEN_GONE_MS = 3000;
const CODES_SHOWN = 60;
const LOG_SHOWN = 50;
const GSM = '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà^{}\\[~]|€';

const CALLERS = [
  { number: '0788 000 001', network: '63510', name: 'MTN' },
  { number: '0789 000 002', network: '63510', name: 'MTN' },
  { number: '0722 000 003', network: '63514', name: 'Airtel' },
  { number: '0770 000 004', network: '99999', name: 'KTRN' },
];

const NORMAL = {
  settle_after_ms: 0, outcome: 'successful', reason_shape: 'string', transfer_answer: 'normal', status_answer: 'normal',
  token_answer: 'normal', callback: 'once', callback_method: 'put', forget_references_after_ms: null,
  late_success_after_failed_ms: null,
};
/* The ready behaviours stand in the page: what to set, and a sentence on what it does. */
const BEHAVIOURS = [...document.querySelectorAll('#behaviour option')].map((option) => ({
  name: option.textContent, set: JSON.parse(option.dataset.set), says: option.dataset.says,
}));

const $ = (id) => document.getElementById(id);
const state = { info: null, session: null, busy: false, walletShown: 0, clockOffset: null, drawn: new Map() };

function make(tag, properties, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children.filter((child) => child !== null));
  return node;
}

/* Numbers */

function international(typed) {
  const digits = typed.replace(/[\s().-]/g, '').replace(/^\+/, '');
  const local = digits.replace(/^(?:00)?250(?=7)/, '0');
  if (/^07\d{8}$/.test(local)) return '+250' + local.slice(1);
  return /^46733123\d{3}$/.test(digits) ? '+' + digits : null;
}

function caller() {
  const number = international($('number').value);
  $('number-problem').hidden = number !== null;
  $('number-problem').textContent = number ? '' : 'This is no Rwandan mobile number: 07 and eight more digits.';
  $('number').setAttribute('aria-invalid', String(number === null));
  return number;
}

const money = (amount, currency) => `${Number(amount).toLocaleString('en-US')} ${currency ?? 'RWF'}`;
const counted = (n, word) => `${n.toLocaleString('en-US')} ${word}${n === 1 ? '' : 's'}`;
const clockTime = (when, style) => {
  const date = new Date(when);
  return Number.isNaN(date.getTime()) ? '' : new Intl.DateTimeFormat('en-GB', { timeZone: 'Africa/Kigali', ...style }).format(date);
};
const shortTime = (when) => clockTime(when, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' });
const simulatedNow = () => Date.now() + (state.clockOffset ?? 0);

/* The phone's screen */

function show(text, mode) {
  $('screen').textContent = text;
  $('screen').scrollTop = 0;
  $('lcd').dataset.state = mode;
  const words = { idle: 'Ready', sending: 'Sending…', answering: 'In session', ended: 'Ended', lost: 'No connection' };
  $('state').textContent = words[mode];
  const reply = mode === 'answering' || mode === 'ended';
  const length = reply ? [...text].length : 0;
  const strange = reply ? [...new Set(text)].filter((sign) => !GSM.includes(sign)) : [];
  $('count').textContent = `${length}/${SCREEN_CHARACTERS}`;
  $('count').className = length > SCREEN_CHARACTERS ? 'over' : '';
  $('warn').textContent = length > SCREEN_CHARACTERS ? 'Too long' : strange.length ? `Not GSM: ${strange.join(' ')}` : '';
  $('line').placeholder = mode === 'answering' ? 'Your answer' : serviceCode();
  $('line').disabled = mode === 'sending' || mode === 'ended';
  $('green-says').textContent = mode === 'answering' ? 'Send' : mode === 'ended' ? 'OK' : 'Call';
  // On a touch screen the focus would raise a keyboard over the phone's own.
  if ((mode === 'answering' || mode === 'idle') && matchMedia('(pointer: fine)').matches) $('line').focus({ preventScroll: true });
}

const serviceCode = () => state.info?.service_code ?? '*801#';
const greet = () => show(`Dial ${serviceCode()}\nor click a code for a direct dial.`, 'idle');

/* Sessions: `inputs` are the answers so far, each one hop; the server gets them joined by stars. */

async function dial(typed) {
  const base = serviceCode().replace(/#$/, '');
  const number = caller();
  if (!number) return $('number').focus();
  if (!state.info) return show('No network.\nThe local server doesn’t answer.', 'lost');
  const direct = typed.startsWith(base + '*') && typed.endsWith('#');
  if (typed !== serviceCode() && !direct) {
    $('line').value = '';
    return show(`${typed}\n\nConnection problem or invalid MMI code.\nThis network knows ${serviceCode()} only.`, 'lost');
  }
  const random = crypto.getRandomValues(new Uint8Array(16));
  state.session = {
    id: 'ATUid_' + [...random].map((byte) => byte.toString(16).padStart(2, '0')).join(''),
    number, network: $('network').value, started: Date.now(), hops: 0, last: '',
    inputs: direct ? [typed.slice(base.length + 1, -1)] : [],
  };
  verdict('');
  return hop();
}

async function answer(typed) {
  state.session.inputs.push(typed);
  return hop();
}

async function post(path, fields) {
  const gaveUp = new AbortController();
  const timer = setTimeout(() => gaveUp.abort(), HOP_TIMEOUT_MS);
  try {
    const reply = await fetch(path, { method: 'POST', body: new URLSearchParams(fields), signal: gaveUp.signal });
    return { status: reply.status, text: await reply.text() };
  } catch {
    return { status: 0, text: gaveUp.signal.aborted ? 'No answer within 15 seconds.' : 'The local server doesn’t answer.' };
  } finally {
    clearTimeout(timer);
  }
}

async function hop() {
  const session = state.session;
  const fields = {
    sessionId: session.id, phoneNumber: session.number, networkCode: session.network,
    serviceCode: serviceCode(), text: session.inputs.join('*'),
  };
  $('line').value = '';
  state.busy = true;
  show($('screen').textContent, 'sending');
  const path = state.info.ussd_path;
  const twice = $('twice').checked;
  const replies = await Promise.all(twice ? [post(path, fields), post(path, fields)] : [post(path, fields)]);
  if (state.session !== session) return; // hung up meanwhile
  state.busy = false;
  session.hops += 1;
  const [reply, second] = replies;
  if (second) {
    const same = reply.status === second.status && reply.text === second.text;
    verdict(same ? 'Both answers were the same.' : `The answers differ:\n1. ${reply.text}\n2. ${second.text}`, same);
  }
  session.last = reply.text;
  const [, kind, words] = /^(CON|END) ([\s\S]*)$/.exec(reply.text) ?? [];
  if (reply.status !== 200 || !kind) {
    const why = reply.status === 0 ? reply.text : `Unusable answer (HTTP ${reply.status}):\n${reply.text.slice(0, 200)}`;
    finish('Failed', why);
    return show(why, 'lost');
  }
  if (kind === 'END') finish('Success', '');
  return show(words, kind === 'CON' ? 'answering' : 'ended');
}

/* Ends the session and tells the server so, as the aggregator would. */
function finish(status, errorMessage) {
  const session = state.session;
  state.session = null;
  state.busy = false;
  if (!session || !state.info?.notice_path) return;
  post(state.info.notice_path, {
    date: new Date(simulatedNow()).toISOString().slice(0, 19).replace('T', ' '),
    sessionId: session.id, serviceCode: serviceCode(), networkCode: session.network, phoneNumber: session.number,
    status, cost: '0', durationInMillis: String(Date.now() - session.started), hopsCount: String(session.hops),
    input: session.inputs.join('*'), lastAppResponse: session.last, errorMessage,
  });
}

function hangUp() {
  if (state.session) finish('Incomplete', '');
  $('line').value = '';
  verdict('');
  greet();
}

function green() {
  if (state.busy) return;
  const typed = $('line').value.trim();
  if (state.session) answer(typed);
  else if ($('lcd').dataset.state === 'ended') greet();
  else dial(typed || serviceCode());
}

async function changeLanguage() {
  if (state.busy) return;
  const session = state.session;
  if (!session || session.inputs.length > 0) {
    if (session) finish('Incomplete', '');
    await dial(serviceCode());
  }
  if (state.session) await answer('2');
}

function verdict(text, same) {
  $('verdict').hidden = !text;
  $('verdict').textContent = text;
  $('verdict').className = `verdict ${same ? 'same' : 'differs'}`;
}

function typeCode(code) {
  const direct = !state.session;
  if (direct) greet();
  $('line').value = direct ? `${serviceCode().replace(/#$/, '')}*${code}#` : code;
  $('line').focus({ preventScroll: true });
  $('lcd').scrollIntoView({ block: 'nearest' });
}

/* Beside the phone. A part is drawn again only if what it shows has changed; the focus stays where it was. */

function draw(id, shown, build) {
  const key = JSON.stringify(shown);
  if (state.drawn.get(id) === key) return;
  state.drawn.set(id, key);
  const focused = document.activeElement?.closest(`#${id}`) ? document.activeElement.dataset.key : undefined;
  $(id).replaceChildren(...build());
  if (focused) [...$(id).children].find((node) => node.dataset.key === focused)?.focus({ preventScroll: true });
}

function more(id, text) {
  $(id).hidden = !text;
  $(id).textContent = text;
}

function keyed(node, key) {
  node.dataset.key = key;
  return node;
}

const GOOD = ['paid', 'successful', 'available', 'active'];
const BAD = ['refused', 'failed', 'held', 'cancelled', 'reported', 'blocked'];
function chip(word) {
  const plain = String(word).toLowerCase().split(/[^a-z]/)[0];
  const tone = GOOD.includes(plain) ? 'good' : BAD.includes(plain) ? 'bad' : 'wait';
  return make('span', { className: `chip ${tone}`, textContent: String(word).replaceAll('_', ' ').replace('(', ' (').toLowerCase() });
}

function drawCodes() {
  const all = state.info?.demo_codes;
  if (!all) return;
  const wanted = $('codes-filter').value.trim().toUpperCase();
  const fit = all.filter(({ code }) => code.toUpperCase().includes(wanted));
  const shown = fit.slice(0, CODES_SHOWN);
  $('codes-filter').hidden = all.length <= CODES_SHOWN;
  $('codes-tally').textContent = all.length ? `${all.filter(({ state: s }) => s === 'available').length} of ${all.length} available` : '';
  more('codes-more', fit.length > shown.length ? `Showing ${shown.length} of ${fit.length.toLocaleString('en-US')}. Type above to find others.` : '');
  draw('codes', [shown, all.length], () => {
    if (!shown.length) return [make('p', { className: 'empty', textContent: all.length ? 'No code has these letters.' : 'There are no demo codes. Start the local server with demo data.' })];
    return shown.map((item) => {
      const free = item.state === 'available';
      const button = make('button', { type: 'button', className: free ? 'code' : 'code used', title: 'Type this code' },
        make('b', { textContent: item.code }),
        make('span', { textContent: money(item.amount, item.currency) }),
        make('span', { className: free ? 'good' : '', textContent: item.state }));
      button.addEventListener('click', () => typeCode(item.code));
      return keyed(button, item.code);
    });
  });
}

function drawLog(id, list, empty, line) {
  $(`${id}-tally`).textContent = list.length ? `${list.length >= LOG_SHOWN ? 'newest ' : ''}${list.length}` : '';
  more(`${id}-more`, list.length >= LOG_SHOWN ? `Only the newest ${LOG_SHOWN} are listed.` : '');
  draw(id, list, () => (list.length ? list.map(line) : [make('li', { className: 'empty', textContent: empty })]));
}

function entry(amount, who, word, ids, when) {
  return make('li', {},
    make('span', {}, make('span', { className: 'amount', textContent: amount }), make('span', { className: 'who', textContent: who })),
    chip(word),
    make('span', { className: 'ids', textContent: ids.filter(Boolean).join(' · ') }),
    make('span', { className: 'when', textContent: when.filter(Boolean).join(' · ') }));
}

const masked = (payee) => `${payee.slice(0, 5)}•••${payee.slice(-3)}`;
const drawPayouts = (list) => drawLog('payouts', list.slice(0, LOG_SHOWN), 'No payouts yet. Redeem a code and one appears here.', (p) =>
  entry(money(p.amount, p.currency), p.phone_masked ?? '', p.state, [p.id, p.reference && `ref ${p.reference}`],
    [p.updated_at && shortTime(p.updated_at), p.due_at && `looked at again ${shortTime(p.due_at)}`]));
const drawTransfers = (list) => drawLog('transfers', list.slice(-LOG_SHOWN).reverse(), 'MoMo has not been asked to pay anything yet.', (t) =>
  entry(money(t.amount, t.currency), masked(t.payee), t.state, [t.reference],
    [shortTime(t.settled_at ?? t.accepted_at), t.reason, t.sends > 1 && `sent ${t.sends} times, one payment at most`]));

function drawWallet(wallets) {
  const number = international($('number').value);
  $('wallet-owner').textContent = $('number').value.trim() || 'nobody';
  $('wallet-unit').textContent = state.info?.demo_codes?.[0]?.currency ?? 'RWF';
  const balance = wallets.find(({ payee }) => '+' + payee === number)?.balance ?? 0;
  const others = wallets.filter(({ payee }) => '+' + payee !== number).length;
  const rest = others ? ` ${counted(others, 'other wallet')} ${others === 1 ? 'has' : 'have'} received money too.` : '';
  $('wallet-note').textContent = (balance ? 'Received through MoMo.' : 'Nothing has arrived yet.') + rest;
  fill(balance, number);
}

function fill(balance, number) {
  if (state.walletOf === number && state.walletGoal === balance) return;
  const from = state.walletShown;
  const jump = state.walletOf !== number || matchMedia('(prefers-reduced-motion: reduce)').matches;
  Object.assign(state, { walletOf: number, walletGoal: balance });
  const box = document.querySelector('.wallet');
  box.classList.remove('arrived');
  if (!jump && balance > from) requestAnimationFrame(() => box.classList.add('arrived'));
  const start = performance.now();
  const step = (time) => {
    if (state.walletGoal !== balance || state.walletOf !== number) return;
    const part = jump ? 1 : Math.min(1, Math.max(0, (time - start) / 900));
    state.walletShown = Math.round(from + (balance - from) * (1 - (1 - part) ** 3));
    $('wallet').textContent = state.walletShown.toLocaleString('en-US');
    if (part < 1) requestAnimationFrame(step);
  };
  step(start);
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
function drawBehaviour(now) {
  const match = BEHAVIOURS.find(({ set }) => Object.keys(NORMAL).every((field) => same(now[field] ?? null, { ...NORMAL, ...set }[field])));
  const chipNow = $('behaviour-now');
  const left = now.remaining ? `, ${counted(now.remaining, 'transfer')} left` : '';
  chipNow.textContent = `Now: ${match?.name ?? 'set by a script'}${left}`;
  chipNow.className = `chip ${match?.name === 'Normal' ? 'good' : 'wait'}`;
}

/* Talking with the server */

async function ask(path, method, body) {
  const asked = body === undefined ? { method } : { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const reply = await fetch(path, { cache: 'no-store', ...asked });
  if (!reply.ok) {
    const problem = await reply.json().catch(() => ({}));
    throw new Error(problem.detail ?? problem.title ?? `HTTP ${reply.status}`);
  }
  return reply.json();
}

function setClock(now) {
  state.clockOffset = new Date(now).getTime() - Date.now();
  tick();
}

function tick() {
  if (state.clockOffset === null) return;
  $('now').textContent = clockTime(simulatedNow(), { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' });
}

function drawInfo(info) {
  const first = state.info === null;
  state.info = info;
  const brand = typeof info.brand === 'string' ? info.brand : info.brand?.name;
  $('brand').textContent = brand || 'Promo';
  document.title = `${brand || 'Promo'}: a phone to dial with`;
  setClock(info.now);
  drawCodes();
  if (first && !state.session) greet();
}

async function part(path, drawIt, id) {
  try {
    drawIt(await ask(path, 'GET'));
    return true;
  } catch (error) {
    if (id) draw(id, ['failed', error.message], () => [make(id === 'codes' ? 'p' : 'li', { className: 'failed', textContent: `This could not be read (${error.message}). Trying again.` })]);
    return false;
  }
}

async function poll() {
  if (!document.hidden) {
    const results = await Promise.all([
      part('/local/info', drawInfo, state.info ? null : 'codes'),
      part('/local/payouts', drawPayouts, 'payouts'),
      part(`/momo/_simulator/transfers?limit=${LOG_SHOWN}`, drawTransfers, 'transfers'),
      part('/momo/_simulator/wallets', drawWallet, null),
      part('/momo/_simulator/behaviour', drawBehaviour, null),
      part('/momo/_simulator/balance', ({ balance, currency }) => { $('float-now').textContent = money(balance, currency); }, null),
    ]);
    state.gone = results.every((good) => !good);
    $('gone').hidden = !state.gone;
    if (!results[3]) $('wallet-note').textContent = 'The wallet can’t be read just now.';
    if (!results[4]) $('behaviour-now').textContent = 'Unknown';
  }
  setTimeout(poll, state.gone ? POLL_WHEN_GONE_MS : POLL_MS);
}

async function control(id, what) {
  try {
    await what();
    $(id).hidden = true;
  } catch (error) {
    $(id).hidden = false;
    $(id).textContent = `That did not work: ${error.message}`;
  }
}

async function behave(set) {
  await control('momo-problem', async () => drawBehaviour(await ask('/momo/_simulator/behaviour', 'PUT', set)));
}

/* Putting it together */

function press(key) {
  const line = $('line');
  if (line.disabled) return;
  if ($('lcd').dataset.state === 'lost') greet();
  line.value += key;
}

function choose({ number, network }) {
  if (state.session) hangUp();
  $('number').value = number;
  $('network').value = network;
  changedCaller();
}

function changedCaller() {
  if (state.session) hangUp();
  caller();
  $('carrier').textContent = $('network').selectedOptions[0].textContent.split(' · ')[0];
  for (const button of $('presets').children) button.setAttribute('aria-pressed', String(button.dataset.key === $('number').value.trim()));
  part('/momo/_simulator/wallets', drawWallet, null);
}

function start() {
  const letters = ['', 'ABC', 'DEF', 'GHI', 'JKL', 'MNO', 'PQRS', 'TUV', 'WXYZ'];
  for (const [place, key] of [...'123456789*0#'].entries()) {
    const button = make('button', { type: 'button' }, key, make('small', { textContent: letters[place] ?? '', ariaHidden: 'true' }));
    button.addEventListener('click', () => press(key));
    $('keys').append(button);
  }
  for (const one of CALLERS) {
    const button = keyed(make('button', { type: 'button', textContent: `${one.number} ${one.name}` }), one.number);
    button.addEventListener('click', () => choose(one));
    $('presets').append(button);
  }
  const explain = () => { $('behaviour-says').textContent = BEHAVIOURS[$('behaviour').selectedIndex].says; };
  $('behaviour').addEventListener('change', explain);
  explain();
  $('behave').addEventListener('click', () => behave({ ...BEHAVIOURS[$('behaviour').selectedIndex].set, ...($('once').checked ? { remaining: 1 } : {}) }));
  $('normal').addEventListener('click', () => { $('behaviour').selectedIndex = 0; explain(); behave({}); });
  $('float-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const typed = $('float').value.replace(/[\s,]/g, '');
    control('momo-problem', async () => {
      if (!/^\d{1,15}$/.test(typed)) throw new Error('the float is a whole number, 0 or more.');
      const { balance, currency } = await ask('/momo/_simulator/balance', 'PUT', { balance: Number(typed) });
      $('float-now').textContent = money(balance, currency);
      $('float').value = '';
    });
  });
  for (const button of $('clock-buttons').children) {
    button.addEventListener('click', async () => {
      button.disabled = true;
      await control('clock-problem', async () => setClock((await ask('/local/clock', 'POST', { advance_ms: Number(button.dataset.ms) })).now));
      button.disabled = false;
      button.focus();
    });
  }
  $('entry').addEventListener('submit', (event) => { event.preventDefault(); green(); });
  $('green').addEventListener('click', green);
  $('red').addEventListener('click', hangUp);
  $('clear').addEventListener('click', () => { $('line').value = $('line').value.slice(0, -1); });
  $('language').addEventListener('click', changeLanguage);
  $('drop').addEventListener('click', () => {
    const dropped = state.session !== null;
    state.session = null;
    state.busy = false;
    $('line').value = '';
    verdict('');
    show(dropped ? 'The connection was lost.\nNobody was told. Dial again to see what happened.' : 'There was no session to drop.', 'lost');
  });
  document.querySelector('.phone').addEventListener('keydown', (event) => { if (event.key === 'Escape') hangUp(); });
  $('number').addEventListener('change', changedCaller);
  $('network').addEventListener('change', changedCaller);
  $('codes-filter').addEventListener('input', drawCodes);
  document.addEventListener('visibilitychange', tick);
  show('Looking for the network…', 'sending');
  $('line').disabled = false;
  changedCaller();
  setInterval(tick, 1000);
  poll();
}

start();
