// Every text of the page, in English and Korean. {name} is filled in.

const TEXTS = {
  // The frame
  skip: ['Skip to content', '본문으로 건너뛰기'],
  views: ['Views', '화면'],
  overview: ['Overview', '개요'],
  queue: ['Cancel queue', '취소 대기열'],
  orders: ['Orders', '주문'],
  strategies: ['Strategies', '전략'],
  accounts: ['Accounts', '계정'],
  log: ['Log', '로그'],
  language: ['Language', '언어'],
  colours: ['Colours', '색상'],
  theme_auto: ['As the system', '시스템 설정'],
  theme_light: ['Light', '밝게'],
  theme_dark: ['Dark', '어둡게'],
  dismiss: ['Dismiss', '닫기'],
  loading: ['Loading…', '불러오는 중…'],
  working: ['Working…', '처리 중…'],
  unit_day: ['d', '일'],
  unit_hour: ['h', '시간'],
  unit_minute: ['min', '분'],
  unit_second: ['s', '초'],

  // Signing in
  signIn: ['Sign in', '로그인'],
  signOut: ['Sign out', '로그아웃'],
  adminToken: ['Admin token', '관리자 토큰'],
  adminTokenHint: [
    'Kept in this browser tab only, until it is closed.',
    '이 브라우저 탭에만 보관되며, 탭을 닫으면 사라집니다.',
  ],
  wrongToken: ['This is not the admin token.', '관리자 토큰이 아닙니다.'],
  sessionEnded: [
    'The server no longer takes this token. Sign in again.',
    '서버가 이 토큰을 더 이상 받지 않습니다. 다시 로그인하세요.',
  ],

  // The connection, and what went wrong
  unreachable: [
    'The server cannot be reached since {since}. What is shown is from before. It is tried again every few seconds.',
    '{since}부터 서버에 연결할 수 없습니다. 화면의 내용은 그 이전 것이며, 몇 초마다 다시 시도합니다.',
  ],
  serverTroubled: [
    'The server answers with errors since {since}: {error}',
    '{since}부터 서버가 오류로 응답합니다: {error}',
  ],
  reachedAgain: ['The server can be reached again.', '서버에 다시 연결되었습니다.'],
  noAnswer: ['The server did not answer.', '서버가 응답하지 않습니다.'],
  noAnswerToAction: [
    'No answer came: it may have been done or not. Look before you do it again.',
    '응답이 오지 않았습니다. 처리되었을 수도, 아닐 수도 있습니다. 다시 하기 전에 확인하세요.',
  ],
  error_NOT_FOUND: ['There is no such thing.', '찾을 수 없습니다.'],
  error_VALIDATION_ERROR: ['This cannot be accepted.', '받아들일 수 없는 값입니다.'],
  error_ALREADY_QUEUED: ['A cancel of this order is queued already.', '이 주문의 취소가 이미 대기열에 있습니다.'],
  error_ORDER_NOT_CANCELLABLE: ['The order has ended already.', '주문이 이미 종료되었습니다.'],
  error_CANCEL_IN_PROGRESS: [
    'The cancel is being sent right now. Try again in a moment.',
    '지금 취소를 보내는 중입니다. 잠시 후 다시 시도하세요.',
  ],
  error_NOT_FAILED: ['Only a FAILED request can be retried.', 'FAILED 상태의 요청만 다시 시도할 수 있습니다.'],
  error_CHANGED: ['It changed at this very moment. Look again.', '바로 이 순간에 변경되었습니다. 다시 확인하세요.'],
  error_STRATEGY_HAS_LIVE_ORDERS: [
    'It has live orders. Cancel them first.',
    '진행 중인 주문이 있습니다. 먼저 취소하세요.',
  ],
  error_ACCOUNT_HAS_LIVE_ORDERS: [
    'It has live orders. Cancel them first.',
    '진행 중인 주문이 있습니다. 먼저 취소하세요.',
  ],
  error_TRADING_DISABLED: ['Trading is halted.', '거래가 중지되어 있습니다.'],
  error_STRATEGY_DISABLED: ['The strategy is disabled.', '전략이 사용 중지 상태입니다.'],
  error_NO_ACCOUNTS: ['The strategy has no enabled account.', '전략에 사용 중인 계정이 없습니다.'],
  error_STALE_ALERT: ['The alert is too old.', '알림이 너무 오래되었습니다.'],
  error_DATABASE_UNAVAILABLE: ['The database cannot be reached.', '데이터베이스에 연결할 수 없습니다.'],
  error_SECRETS_UNAVAILABLE: ['The secret store cannot be reached.', '비밀 저장소에 연결할 수 없습니다.'],
  error_HTTP_403: ['The server lets nobody in from your address.', '현재 IP 주소에서는 서버에 접근할 수 없습니다.'],
  error_HTTP_429: ['Too many requests at once.', '요청이 너무 많습니다.'],
  error_HTTP_504: ['The server took too long.', '서버 응답이 너무 오래 걸립니다.'],

  // Lists and dialogs
  pages: ['Pages', '페이지'],
  newest: ['Newest', '최신'],
  newestShown: ['The newest are shown', '최신 항목을 표시 중'],
  older: ['Older', '더 오래된 항목'],
  all: ['All', '전체'],
  none: ['None', '없음'],
  filter: ['Filter', '적용'],
  actions: ['Actions', '작업'],
  leaveIt: ['Leave it', '그대로 두기'],
  copy: ['Copy', '복사'],
  copied: ['{what}: copied.', '{what}: 복사했습니다.'],
  copyByHand: [
    'The browser does not allow it. The text is selected: press Ctrl+C.',
    '브라우저가 허용하지 않습니다. 선택된 텍스트를 Ctrl+C로 복사하세요.',
  ],
  save: ['Save', '저장'],
  create: ['Create', '만들기'],
  delete: ['Delete', '삭제'],
  enable: ['Enable', '사용'],
  disable: ['Disable', '사용 중지'],
  enabled: ['Enabled', '사용 중'],
  disabled: ['Disabled', '사용 중지됨'],
  isCreated: ['{what} is created.', '{what}: 만들었습니다.'],
  isSaved: ['{what} is saved.', '{what}: 저장했습니다.'],
  isDeleted: ['{what} is deleted.', '{what}: 삭제했습니다.'],
  isEnabled: ['{what} is enabled.', '{what}: 사용 상태로 바꿨습니다.'],
  isDisabled: ['{what} is disabled.', '{what}: 사용 중지했습니다.'],
  changedMeanwhile: [
    'It was changed meanwhile. Load the page again to see how it is now.',
    '그동안 변경되었습니다. 페이지를 새로고침하여 현재 상태를 확인하세요.',
  ],
  existsAlready: ['{what} exists already.', '{what}: 이미 있습니다.'],
  idHint: [
    'Letters, digits, - and _, at most 64; it cannot be changed later.',
    '영문자, 숫자, -, _ 최대 64자. 나중에 바꿀 수 없습니다.',
  ],
  order: ['Order', '주문'],
  strategy: ['Strategy', '전략'],
  account: ['Account', '계정'],
  exchange: ['Exchange', '거래소'],
  symbol: ['Symbol', '종목'],
  status: ['Status', '상태'],
  state: ['State', '상태'],
  name: ['Name', '이름'],
  side: ['Side', '방향'],
  amount: ['Amount', '수량'],
  price: ['Price', '가격'],
  stopPrice: ['Stop price', '스톱 가격'],
  filled: ['Filled', '체결'],
  created: ['Created', '생성'],
  updated: ['Updated', '갱신'],
  time: ['Time', '시각'],
  event: ['Event', '이벤트'],
  events: ['Alerts', '알림'],
  market: ['Market', '시장'],
  tag: ['Tag', '태그'],
  lastError: ['Last error', '마지막 오류'],
  attempt: ['Attempt', '시도'],
  attemptOf: ['{number} of {of}', '{of}회 중 {number}회'],

  // Overview
  asOf: ['As of', '기준 시각'],
  notStuck: ['Nothing is stuck', '막힌 것이 없습니다'],
  notStuckWhy: [
    'No cancel has failed, none waits for long, and no order calls for a person.',
    '실패한 취소도, 오래 기다리는 취소도, 사람이 봐야 할 주문도 없습니다.',
  ],
  stuck: ['Something needs you', '확인이 필요합니다'],
  troubleFailed: ['Failed cancels: {count}', '실패한 취소: {count}건'],
  troubleAttention: ['Orders that call for a person: {count}', '사람이 봐야 할 주문: {count}건'],
  troubleOld: ['The oldest queued cancel waits for {age}', '가장 오래된 취소가 {age} 동안 대기 중'],
  switch: ['Trading', '거래'],
  tradingOn: ['Trading is on.', '거래가 켜져 있습니다.'],
  tradingOnMeans: ['Alerts place orders.', '알림이 오면 주문을 냅니다.'],
  tradingOff: ['Trading is halted.', '거래가 중지되었습니다.'],
  tradingOffMeans: ['Alerts place no orders; cancels go on.', '알림이 와도 주문을 내지 않으며, 취소는 계속됩니다.'],
  halt: ['Halt trading', '거래 중지'],
  resume: ['Resume trading', '거래 재개'],
  haltAsk: ['Halt trading?', '거래를 중지할까요?'],
  haltMeans: [
    'No strategy places new orders any more: alerts are refused, and orders that were not sent yet are ' +
      'cancelled. Orders on the exchanges stay as they are. Cancels and reconciling go on.',
    '모든 전략이 새 주문을 내지 않습니다. 알림은 거절되고, 아직 보내지 않은 주문은 취소됩니다. 거래소에 있는 주문은 그대로 남고, 취소와 대조는 계속됩니다.',
  ],
  resumeAsk: ['Resume trading?', '거래를 재개할까요?'],
  resumeMeans: [
    'Every enabled strategy places orders again when its alerts come.',
    '사용 중인 모든 전략이 알림을 받으면 다시 주문을 냅니다.',
  ],
  halted: ['Trading is halted.', '거래를 중지했습니다.'],
  resumed: ['Trading goes on.', '거래를 재개했습니다.'],
  cancels: ['Cancels', '취소'],
  oldestCancel: ['Oldest queued cancel', '가장 오래된 대기 취소'],
  queueEmpty: ['No cancel is queued.', '대기 중인 취소가 없습니다.'],
  age: ['Age', '경과'],
  waitsFor: ['Waits for', '대기 이유'],
  waitsForOrder: ['the exchange to acknowledge the order', '거래소의 주문 접수 확인'],
  attentionRows: ['Orders that call for a person: {count}', '사람이 봐야 할 주문: {count}건'],
  attentionElsewhere: [
    'Older ones: {count}. The index "attention" of the orders table has them all.',
    '이전 주문 {count}건이 더 있습니다. 주문 테이블의 "attention" 인덱스에서 모두 볼 수 있습니다.',
  ],
  newestOrders: ['The newest {count} orders by state', '최근 주문 {count}건의 상태'],
  alerts: ['Alerts', '알림'],
  noAlerts: ['No alert led to an order in the last hours.', '최근 몇 시간 동안 주문으로 이어진 알림이 없습니다.'],
  chartWords: [
    '{events} alerts with {orders} orders since {since}; at most {highest} in one bar.',
    '{since} 이후 알림 {events}건, 주문 {orders}건. 한 구간 최대 {highest}건.',
  ],
  asTable: ['As a table', '표로 보기'],
  from: ['From', '시작'],
  now: ['now', '지금'],
  latency: ['From alert to acknowledgement', '알림에서 접수 확인까지'],
  latencyOf: [
    'Of the newest {count} acknowledged orders, from the moment that their alert was accepted.',
    '접수가 확인된 최근 주문 {count}건 기준, 알림을 수락한 시점부터.',
  ],
  noLatency: ['No acknowledged order yet.', '아직 접수가 확인된 주문이 없습니다.'],
  median: ['Median', '중앙값'],
  p95: ['95 % within', '95 % 이내'],

  // Cancel queue
  queueCaption: ['Cancel requests, newest first', '취소 요청, 최신순'],
  queueNone: ['No cancel request here.', '취소 요청이 없습니다.'],
  next: ['Next', '다음'],
  ended: ['Ended', '종료'],
  askedAt: ['Asked for', '요청 시각'],
  inSeconds: ['retry in {span}', '{span} 후 재시도'],
  dueNow: ['retry is due now', '곧 재시도'],
  next_underWay: ['being worked on', '처리 중'],
  next_waits: ['when the order is acknowledged', '주문 접수가 확인되면'],
  next_byHand: ['by hand; reconcile tries too', '수동으로; 대조도 계속 시도'],
  result_cancelled: ['cancelled', '취소됨'],
  result_filled: ['the order was filled', '주문이 체결됨'],
  result_expired: ['the order expired', '주문이 만료됨'],
  result_rejected: ['the order was rejected', '주문이 거절됨'],
  result_never_sent: ['never sent', '보낸 적 없음'],
  result_never_placed: ['never placed', '접수된 적 없음'],
  retry: ['Retry', '재시도'],
  deleteRequest: ['Delete request', '요청 삭제'],
  retryAsk: ['Retry this cancel?', '이 취소를 다시 시도할까요?'],
  retryMeans: [
    'The cancel of order {order} ({symbol}, account {account}, {exchange}) is queued again, due at once, with ' +
      'all its {max} attempts.',
    '주문 {order} ({symbol}, 계정 {account}, {exchange})의 취소를 즉시 다시 대기열에 넣고, {max}회를 처음부터 시도합니다.',
  ],
  deleteAsk: ['Delete this cancel request?', '이 취소 요청을 삭제할까요?'],
  deleteMeans: [
    'Order {order} ({symbol}, account {account}, {exchange}) is NOT cancelled any more: if it is live, it ' +
      'stays live on the exchange.',
    '주문 {order} ({symbol}, 계정 {account}, {exchange})은 더 이상 취소되지 않습니다. 살아 있다면 거래소에 그대로 남습니다.',
  ],
  deleteEndedMeans: [
    'The request for order {order} has ended; only its row in the queue goes. The order is as it is.',
    '주문 {order}의 취소 요청은 이미 끝났습니다. 대기열의 행만 지워지고 주문은 그대로입니다.',
  ],
  retried: ['The cancel of {order} is queued again.', '{order}의 취소를 다시 대기열에 넣었습니다.'],
  deleted: ['The cancel request of {order} is deleted.', '{order}의 취소 요청을 삭제했습니다.'],

  // Orders
  ordersCaption: ['Orders, newest first', '주문, 최신순'],
  ordersNone: ['No such order.', '해당하는 주문이 없습니다.'],
  ordersOnOlderPages: [
    'None on this page; there are older ones to look through.',
    '이 페이지에는 없습니다. 이전 항목이 더 있습니다.',
  ],
  cancelling: ['cancelling', '취소 중'],
  attention: ['attention', '확인 필요'],
  attentionTitle: ['This order calls for a person', '이 주문은 사람이 봐야 합니다'],
  seenTo: ['Seen to', '확인함'],
  seenAsk: ['Have you seen to it?', '확인하셨나요?'],
  seenMeans: [
    'Order {order} calls for nobody any more. Where the cause lasts, the next look at the order calls again.',
    '주문 {order}의 확인 요청을 끝냅니다. 원인이 남아 있으면 다음 점검 때 다시 나타납니다.',
  ],
  seenDone: ['The order calls for nobody any more.', '확인 요청을 끝냈습니다.'],
  cancelOrder: ['Cancel order', '주문 취소'],
  cancelAgain: ['Cancel again', '다시 취소'],
  cancelAsk: ['Cancel this order?', '이 주문을 취소할까요?'],
  cancelPendingMeans: [
    '{side} {size} {symbol}, account {account}, {exchange}: the exchange has not acknowledged it yet. The ' +
      'cancel is queued and sent the moment it does; if the order was not sent yet, it never is.',
    '{side} {size} {symbol}, 계정 {account}, {exchange}: 아직 거래소가 접수를 확인하지 않았습니다. 취소를 대기열에 넣고, 확인되는 즉시 보냅니다. 아직 ' +
      '보내지 않은 주문이면 보내지 않습니다.',
  ],
  cancelOpenMeans: [
    '{side} {size} {symbol}, account {account}: the cancel is sent to {exchange} now, and again until the ' +
      'exchange shows that the order has ended. What has been filled stays filled.',
    '{side} {size} {symbol}, 계정 {account}: 지금 {exchange}에 취소를 보내고, 주문이 끝난 것이 확인될 때까지 반복합니다. 이미 체결된 것은 그대로입니다.',
  ],
  cancelledNow: ['The order is cancelled.', '주문이 취소되었습니다.'],
  cancelQueued: ['The cancel is queued.', '취소를 대기열에 넣었습니다.'],
  facts: ['Order', '주문 정보'],
  venue: ['Venue', '거래 장소'],
  testnet: ['test net', '테스트넷'],
  exchangeId: ['Exchange order id', '거래소 주문 번호'],
  clientId: ['Client order id', '클라이언트 주문 번호'],
  timeInForce: ['Time in force', '유효 조건'],
  reason: ['Reason', '사유'],
  rejection: ['Rejected as', '거절 코드'],
  exchangeSaid: ['The exchange said', '거래소 원문'],
  cancelRequest: ['Cancel request', '취소 요청'],
  requestedBy: ['Asked for by', '요청자'],
  exactRequest: ['The exact request', '실제 전송 내용'],
  timeline: ['Timeline', '진행 과정'],
  timeNotKept: ['its time is not kept', '시각은 기록되지 않음'],
  sinceAlert: ['{span} after the first step', '첫 단계로부터 {span}'],
  seen: ['seen', '확인:'],
  step_alert: ['Alert accepted', '알림 수락'],
  step_stored: ['Stored', '저장'],
  step_sent: ['Sent', '전송'],
  step_acknowledged: ['Acknowledged', '접수 확인'],
  step_open: ['On the book', '호가창에 등록'],
  step_unanswered: ['No answer: it is being looked up', '응답 없음: 조회 중'],
  step_again: ['Proven not placed: to be sent again', '미접수 확인: 다시 보낼 예정'],
  step_alive: ['The exchange shows it alive again', '거래소에 다시 살아 있음'],
  step_partlyFilled: ['Partly filled', '일부 체결'],
  step_filled: ['Filled', '체결'],
  step_cancelled: ['Cancelled', '취소됨'],
  step_expired: ['Expired', '만료'],
  step_rejected: ['Rejected', '거절'],
  step_cancelAsked: ['Cancel asked for', '취소 요청'],
  step_cancelWaits: ['Cancel waits', '취소 대기'],
  step_cancelSent: ['Cancel sent', '취소 전송'],
  step_cancelRefused: ['Cancel refused by the exchange, times: {count}', '거래소가 취소 거절, {count}회'],
  step_cancelFailed: ['Cancel FAILED, refusals: {count}', '취소 실패(FAILED), 거절 {count}회'],
  by_alert: ['by the alert', '알림'],
  by_event: ['by the alert {event}', '알림 {event}'],
  by_api: ['by a person, through the API', '사람 (API)'],
  by_stream: ['by the stream', '스트림'],
  by_sweep: ['by the sweep', '스윕'],
  by_reconcile: ['by reconcile', '대조'],
  by_revived: ['because the order came back to life', '주문이 다시 살아나서'],
  by_orphans: ['by the orphan hunt', '고아 주문 탐색'],
  by_other: ['by {name}', '{name}'],

  // Strategies
  strategiesCaption: ['Strategies', '전략'],
  strategiesNone: ['There is no strategy yet.', '아직 전략이 없습니다.'],
  newStrategy: ['New strategy', '새 전략'],
  strategyId: ['Strategy id', '전략 ID'],
  symbols: ['Symbols', '종목'],
  haltedState: ['Halted', '중지됨'],
  allowedSymbols: ['Allowed symbols', '허용 종목'],
  symbolsHint: ['As BTC/USDT, with commas between them.', 'BTC/USDT 형식, 쉼표로 구분.'],
  maxNotional: ['Largest order', '최대 주문 금액'],
  maxNotionalHint: ['In the quote currency; empty: no limit.', '결제 통화 기준. 비우면 제한 없음.'],
  accountsAndWeights: ['Accounts and weights', '계정과 가중치'],
  weightOf: ['Weight of {account}', '{account} 가중치'],
  accountGone: ['no such account', '없는 계정'],
  settings: ['Settings', '설정'],
  tokenShownOnce: ['Copy this now: it is shown once', '지금 복사하세요. 한 번만 표시됩니다'],
  tokenShownOnceMeans: [
    'Copy it, or the alert message below, before you leave this page. Only its hash is stored.',
    '이 페이지를 떠나기 전에 토큰이나 아래 알림 메시지를 복사하세요. 서버에는 해시만 저장됩니다.',
  ],
  webhookToken: ['Webhook token', '웹훅 토큰'],
  webhookTokenHint: [
    'Fills in the alert message and the test below. It is not stored, and cannot be read back: if it is lost, ' +
      'replace it.',
    '아래 알림 메시지와 테스트 알림에 채워집니다. 저장되지 않으며 다시 읽을 수 없습니다. 잃어버렸다면 교체하세요.',
  ],
  alertText: ['For TradingView', 'TradingView 설정'],
  alertTextHint: [
    'Paste the address under Notifications, Webhook URL, and the text under Message. What stands in {{…}} ' +
      'TradingView fills in.',
    '주소는 알림의 웹훅 URL에, 텍스트는 메시지에 붙여 넣으세요. {{…}} 부분은 TradingView가 채웁니다.',
  ],
  webhookUrl: ['Webhook URL', '웹훅 URL'],
  alertMessage: ['Alert message', '알림 메시지'],
  tokenMissing: ['Put the strategy’s token in place of WEBHOOK-TOKEN.', 'WEBHOOK-TOKEN 자리에 전략의 토큰을 넣으세요.'],
  orderType: ['Order type', '주문 유형'],
  sizeIn: ['Size in', '수량 단위'],
  size_quantity: ['Quantity', '수량'],
  size_quote_amount: ['Quote amount', '결제 통화 금액'],
  size_percent: ['Percent of balance', '잔고 비율(%)'],
  buy: ['Buy', '매수'],
  sell: ['Sell', '매도'],
  fromScript: ['As the script says', '스크립트에 따름'],
  fromChart: ['As the chart', '차트 종목'],
  allSymbols: ['All symbols', '모든 종목'],
  tagHint: ['Optional; a CANCEL finds the order by it.', '선택. CANCEL이 이 태그로 주문을 찾습니다.'],
  tagNeeded: ['The tag that the order was given.', '주문에 붙인 태그.'],
  alertIncomplete: [
    'Something is still missing above: the alert would be refused.',
    '위에 빠진 항목이 있습니다. 이대로는 알림이 거절됩니다.',
  ],
  testAlert: ['Test alert', '테스트 알림'],
  testAlertHint: [
    'Sends one alert to this strategy, whose accounts are all mocks: nothing is traded.',
    '모든 계정이 모의 계정인 이 전략에 알림을 한 번 보냅니다. 실제로 거래되지 않습니다.',
  ],
  testNotOnReal: [
    'Only for strategies whose accounts are all mocks. Not mocks: {accounts}.',
    '모든 계정이 모의 계정인 전략에서만 가능합니다. 모의 계정이 아님: {accounts}.',
  ],
  testNeedsToken: ['Enter the webhook token above.', '위에 웹훅 토큰을 입력하세요.'],
  sendTest: ['Send test alert', '테스트 알림 보내기'],
  testAnswer: [
    'Accepted. Accounts: {total}, successful: {successful}, failed: {failed}.',
    '접수됨. 계정 {total}, 성공 {successful}, 실패 {failed}.',
  ],
  testCaption: ['Answer by account', '계정별 응답'],
  testEmpty: ['The alert matched no order.', '해당하는 주문이 없습니다.'],
  wholeAnswer: ['The whole answer', '전체 응답'],
  wrongWebhookToken: ['This is not the strategy’s webhook token.', '이 전략의 웹훅 토큰이 아닙니다.'],
  webhookNotForUs: [
    'The webhook takes alerts from TradingView’s addresses only, and WEBHOOK_CIDRS does not name yours.',
    '웹훅은 TradingView 주소의 알림만 받으며, WEBHOOK_CIDRS에 현재 IP 주소가 없습니다.',
  ],
  noWayBack: ['No way back', '되돌릴 수 없는 작업'],
  replaceToken: ['Replace token', '토큰 교체'],
  replaceTokenAsk: ['Replace the webhook token?', '웹훅 토큰을 교체할까요?'],
  replaceTokenMeans: [
    'Alerts that carry the present token of {strategy} are refused from now on, until the new one stands in them.',
    '{strategy}의 현재 토큰을 담은 알림은 지금부터 새 토큰으로 바꿀 때까지 거절됩니다.',
  ],
  tokenReplaced: ['The new token is shown, this once.', '새 토큰이 지금 한 번 표시됩니다.'],
  deleteStrategy: ['Delete strategy', '전략 삭제'],
  deleteStrategyAsk: ['Delete this strategy?', '이 전략을 삭제할까요?'],
  deleteStrategyMeans: [
    'Alerts for {strategy} are refused from then on. Its orders and its log stay. It is not deleted while ' +
      'orders of it are live.',
    '이후 {strategy}의 알림은 거절됩니다. 주문과 로그는 남습니다. 진행 중인 주문이 있으면 삭제되지 않습니다.',
  ],

  // Accounts
  accountsCaption: ['Accounts', '계정'],
  accountsNone: ['There is no account yet.', '아직 계정이 없습니다.'],
  newAccount: ['New account', '새 계정'],
  accountId: ['Account id', '계정 ID'],
  credentials: ['Credentials', '인증 정보'],
  credentialsNotNeeded: ['not needed', '필요 없음'],
  credentialsStored: ['stored', '저장됨'],
  credentialsNone: ['none of its own', '자체 정보 없음'],
  credentialsHint: [
    'They go to the secret store, and are never shown again. Without them the deployment’s own are used.',
    '비밀 저장소에 보관되며 다시 표시되지 않습니다. 없으면 배포 설정의 것을 사용합니다.',
  ],
  credentialsKept: [
    'Some are stored; they are never shown. Empty: they stay as they are.',
    '저장된 것이 있으며 표시되지 않습니다. 비우면 그대로 유지됩니다.',
  ],
  apiKey: ['API key', 'API 키'],
  apiSecret: ['API secret', 'API 시크릿'],
  mockOptions: ['How the mock behaves', '모의 거래소 동작'],
  mock_success_rate: ['Success rate, 0 to 1', '성공률 (0~1)'],
  mock_delay_ms: ['Delay, ms', '지연 (ms)'],
  mock_place_delay_ms: ['Delay of new orders, ms', '신규 주문 지연 (ms)'],
  mock_seed: ['Seed', '시드'],
  mock_fault: ['Fault', '오류 유형'],
  fault_timeout_before: ['The request is lost', '요청이 유실됨'],
  fault_timeout_after: ['The answer is lost', '응답이 유실됨'],
  fault_unknown_order: ['Cancels find no order', '취소할 주문을 찾지 못함'],
  testConnection: ['Test connection', '연결 테스트'],
  testWorks: [
    '{exchange} answers, in {milliseconds} ms: {balances}',
    '{exchange} 응답함, {milliseconds} ms: {balances}',
  ],
  testFailed: ['It does not work: {error}', '연결되지 않습니다: {error}'],
  noBalance: ['no balance', '잔고 없음'],
  deleteAccount: ['Delete account', '계정 삭제'],
  deleteAccountAsk: ['Delete this account?', '이 계정을 삭제할까요?'],
  deleteAccountMeans: [
    '{account} and its stored credentials are deleted; strategies leave it out from then on. It is not deleted ' +
      'while it has live orders.',
    '{account} 및 저장된 인증 정보가 삭제되고, 이후 전략에서 제외됩니다. 진행 중인 주문이 있으면 삭제되지 않습니다.',
  ],

  // Log
  logCaption: ['Events, newest first', '이벤트, 최신순'],
  logNone: ['No event of this strategy.', '이 전략의 이벤트가 없습니다.'],
  kind: ['Kind', '종류'],
  successful: ['Successful', '성공'],
  failed: ['Failed', '실패'],
  stillOpen: ['Open', '미확정'],
  results: ['Results', '결과'],
  totalOf: ['Total of the {count} shown', '표시된 {count}건 합계'],
  exportCsv: ['Export CSV', 'CSV 내보내기'],
  exportLimit: ['The newest {limit} events at most.', '최신 이벤트 최대 {limit}건.'],
  exported: ['Exported events: {count}.', '이벤트 {count}건을 내보냈습니다.'],
  exportedNewest: [
    'Exported the newest {count} events; there are older ones.',
    '최신 이벤트 {count}건을 내보냈습니다. 더 오래된 것이 있습니다.',
  ],
};

// What the server itself says of an order or a cancel, word for word, where its words are always the same.
const SERVER_SAYS = {
  'waiting for the exchange to acknowledge the order': '거래소의 주문 접수 확인을 기다리는 중',
  'the exchange has taken the cancel; the order is not shown as ended yet':
    '거래소가 취소를 접수했지만 주문이 아직 종료로 표시되지 않음',
  "the exchange does not show an order that it had taken; look at the account's history":
    '접수된 주문이 거래소에 보이지 않습니다. 계정 내역을 확인하세요',
  "the exchange does not remember orders for so long; look at the account's history":
    '거래소가 그렇게 오래된 주문을 기억하지 않습니다. 계정 내역을 확인하세요',
  'the order could not be sent within MAX_SEND_DELAY': 'MAX_SEND_DELAY 안에 주문을 보내지 못했습니다',
  'the exchange never took the order': '거래소가 주문을 접수한 적이 없습니다',
};

const CAUSES = {
  alert: 'alert',
  api: 'api',
  stream: 'stream',
  sweep: 'sweep',
  reconcile: 'reconcile',
  revived: 'revived',
  'orphan hunt': 'orphans',
};

let place = 0;

export function setLanguage(language) {
  place = language === 'ko' ? 1 : 0;
}

export const language = () => (place === 1 ? 'ko' : 'en');

// The text of that name; `otherwise` where there is none.
export function t(name, values = {}, otherwise = name) {
  const text = TEXTS[name]?.[place];
  if (text === undefined) return otherwise;
  return text.replace(/\{(\w+)\}/g, (whole, key) => (key in values ? String(values[key]) : whole));
}

export const units = () => ({
  day: t('unit_day'),
  hour: t('unit_hour'),
  minute: t('unit_minute'),
  second: t('unit_second'),
});

export const wordsOf = (said) => (place === 1 && SERVER_SAYS[said]) || said;

// Who or what caused a step, in words.
export function byWords(by) {
  if (!by) return null;
  if (by.startsWith('event:')) return t('by_event', { event: by.slice('event:'.length) });
  return by in CAUSES ? t(`by_${CAUSES[by]}`) : t('by_other', { name: by });
}
